//! Handshake of a stream: starts the desktop, reports the progress, and connects to the machine as a viewer.

use super::PING_EVERY;
use crate::desktops::{DesktopHandle, State};
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use oriel_host::ViewerStream;
use oriel_vmm_api::ViewerMode;
use oriel_wire::ServerMessage;
use std::collections::VecDeque;

/// Maximum number of early messages from the client. A client sends one message before the first reply; one
/// that sends more is not read until the machine is connected.
const KEPT: usize = 4;

/// Connection to the machine, and the early messages from the client.
pub(super) struct Opened {
    /// Viewer's connection to the machine.
    pub machine: ViewerStream,
    /// Messages that the client sent before the machine was connected, in order.
    pub early: VecDeque<Bytes>,
}

/// Reason for which a stream was not opened.
pub(super) enum NotOpened {
    /// The client disconnected.
    ClientGone,
    /// The client sent a message that is not binary.
    Malformed,
    /// The desktop did not start; one sentence.
    NotStarted(String),
    /// The machine refused the viewer or did not answer; one sentence.
    Refused(String),
}

/// Starts the desktop if it does not run, sends the client the steps of the start, and connects to the
/// machine.
pub(super) async fn open(
    socket: &mut WebSocket,
    desktop: &DesktopHandle,
    mode: ViewerMode,
) -> Result<Opened, NotOpened> {
    let mut early = VecDeque::new();
    let mut status = desktop.watch();
    let start = desktop.start();
    tokio::pin!(start);
    let mut ordered = false;
    let mut last_notice = None;
    // A start may take minutes, and proxies close idle connections.
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let now = status.borrow_and_update().clone();
        if ordered && now.reachable {
            break;
        }
        if ordered
            && now.state == State::Running
            && let Some(reason) = now.reason
        {
            // The machine runs and takes no viewers, as one of another control version.
            return Err(NotOpened::NotStarted(reason));
        }
        if ordered && !now.state.is_up() {
            let reason = now.reason.unwrap_or_else(|| "The desktop was stopped.".into());
            return Err(NotOpened::NotStarted(reason));
        }
        let text = match now.state {
            State::Stopping => Some("Waiting for the desktop to stop, to start it again.".into()),
            _ => now.progress,
        };
        if let Some(text) = text.filter(|text| last_notice.as_ref() != Some(text)) {
            if socket.send(Message::Binary(notice(text.clone()))).await.is_err() {
                return Err(NotOpened::ClientGone);
            }
            last_notice = Some(text);
        }
        tokio::select! {
            // The start is ordered before the client's messages are looked at: a wrong one does not undo it.
            biased;
            outcome = &mut start, if !ordered => match outcome {
                Ok(()) => ordered = true,
                Err(refusal) => return Err(NotOpened::NotStarted(refusal.to_string())),
            },
            _ = status.changed() => {}
            _ = ping.tick() => {
                if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return Err(NotOpened::ClientGone);
                }
            }
            message = socket.recv(), if early.len() < KEPT => match message {
                Some(Ok(Message::Binary(bytes))) => early.push_back(bytes),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => return Err(NotOpened::Malformed),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(NotOpened::ClientGone),
            },
        }
    }
    match desktop.open_viewer(mode).await {
        Ok(machine) => Ok(Opened { machine, early }),
        Err(error) => Err(NotOpened::Refused(error.to_string())),
    }
}

/// Encodes a notice about the start's progress.
fn notice(text: String) -> Bytes {
    ServerMessage::Notice { kind: "starting".into(), text }.encode().into()
}
