//! Stream of one viewer of one desktop, from the handshake to the end.

use super::access_watch::AccessWatch;
use super::handshake::{NotOpened, open};
use super::relay::{self, End, LastReceived, Viewing};
use super::stream_audit::StreamAudit;
use crate::desktops::{DesktopHandle, State};
use crate::metrics::Metrics;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{Sink, SinkExt, StreamExt};
use oriel_vmm_api::ViewerMode;
use oriel_wire::{CloseCode, ServerMessage};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Time within which the last messages must be sent.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);
/// Capacity of the channel of replies to the machine.
const ANSWERS: usize = 4;
/// Time to wait for the desktop's state after the machine's connection ended.
const VERDICT: Duration = Duration::from_secs(12);

/// Parameters of a stream.
pub struct Stream {
    /// The desktop to show.
    pub desktop: DesktopHandle,
    /// Mode of the viewer: watch or interact.
    pub mode: ViewerMode,
    /// Rights of the viewer; the stream ends with them.
    pub access: AccessWatch,
    /// Audit of the stream.
    pub audit: StreamAudit,
    /// Counters of the server.
    pub metrics: Arc<Metrics>,
    /// Token that is cancelled when the server ends.
    pub stopping: CancellationToken,
}

/// Last message to the client.
enum Goodbye {
    /// No message: the client is disconnected, or has received the machine's Closed message.
    Silent,
    /// Closed message with the reason; the client should not reconnect by itself.
    Closed(CloseCode, String),
    /// Close of the WebSocket alone: the client should reconnect.
    TryAgain,
}

/// Runs a stream on a WebSocket: handshake, relay, and the last message to the client. Opening and close are
/// in the audit log; a stream whose opening cannot be recorded is not opened.
pub async fn serve(mut socket: WebSocket, stream: Stream) {
    let mode = match stream.mode {
        ViewerMode::Interact => "interact",
        ViewerMode::Watch => "watch",
    };
    if let Err(error) = stream.audit.open(mode).await {
        tracing::error!(%error, "a stream was refused, because it could not be recorded");
        let text =
            "The server cannot record this now, and so the desktop was not opened; tell an administrator.";
        return part(&mut socket, Goodbye::Closed(CloseCode::Internal, text.into())).await;
    }
    let reason = run(socket, &stream).await;
    stream.audit.close(&reason).await;
}

/// Runs a stream after its opening is recorded, and returns the reason of its end.
async fn run(mut socket: WebSocket, stream: &Stream) -> String {
    let counters = stream.metrics.stream();
    let opened = tokio::select! {
        opened = open(&mut socket, &stream.desktop, stream.mode) => Ok(opened),
        reason = stream.access.ended() => Err(Goodbye::Closed(CloseCode::Forbidden, reason)),
        () = stream.stopping.cancelled() => Err(Goodbye::TryAgain),
    };
    let opened = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return part_with_reason(&mut socket, not_opened(error)).await,
        Err(goodbye) => return part_with_reason(&mut socket, goodbye).await,
    };
    let _present = stream.desktop.viewer_arrives();
    let last_received = LastReceived::now();
    let (mut to_client, mut from_client) = socket.split();
    let (from_machine, mut to_machine) = opened.machine.into_split();
    let viewing =
        Viewing { mode: stream.mode, desktop: &stream.desktop, access: &stream.access, audit: &stream.audit };
    let (answer, answers) = mpsc::channel(ANSWERS);
    let end = tokio::select! {
        end = relay::upstream(
            &mut from_client, &mut to_machine, opened.early, viewing, answers, &last_received, &counters,
        ) => Ok(end),
        end = relay::downstream(
            from_machine, &mut to_client, viewing, answer, &last_received, &counters,
        ) => Ok(end),
        reason = stream.access.ended() => Err(Goodbye::Closed(CloseCode::Forbidden, reason)),
        () = stream.stopping.cancelled() => Err(Goodbye::TryAgain),
        () = stream.audit.follow() => Err(Goodbye::TryAgain),
    };
    let goodbye = match end {
        Err(goodbye) => goodbye,
        Ok(End::MachineGone) => verdict(&stream.desktop).await,
        Ok(end) => {
            end.closing().map_or(Goodbye::Silent, |(code, text)| Goodbye::Closed(code, text.to_owned()))
        }
    };
    part_with_reason(&mut to_client, goodbye).await
}

/// Sends the last message, and returns the reason of the stream's end for the audit log.
async fn part_with_reason(to_client: &mut (impl Sink<Message> + Unpin), goodbye: Goodbye) -> String {
    let reason = match &goodbye {
        Goodbye::Silent => "the client or the machine closed it".to_owned(),
        Goodbye::Closed(_, text) => text.clone(),
        Goodbye::TryAgain => "the server or the desktop restarts".to_owned(),
    };
    part(to_client, goodbye).await;
    reason
}

/// Returns the last message for a failed handshake.
fn not_opened(error: NotOpened) -> Goodbye {
    match error {
        NotOpened::ClientGone => Goodbye::Silent,
        NotOpened::Malformed => {
            Goodbye::Closed(CloseCode::Malformed, "The browser sent something that is no message.".into())
        }
        NotOpened::NotStarted(text) => Goodbye::Closed(CloseCode::Stopped, text),
        NotOpened::Refused(text) => Goodbye::Closed(CloseCode::Internal, text),
    }
}

/// Returns the last message after the machine's connection ended, from the state that the desktop enters.
async fn verdict(desktop: &DesktopHandle) -> Goodbye {
    let mut status = desktop.watch();
    let settled = status.wait_for(|status| !status.state.is_up() || status.state == State::Starting);
    match tokio::time::timeout(VERDICT, settled).await {
        Ok(Ok(status)) if !status.state.is_up() => {
            let text = status.reason.clone().unwrap_or_else(|| "The desktop was shut down.".into());
            Goodbye::Closed(CloseCode::Stopped, text)
        }
        // It starts again, or runs on and only this connection broke.
        Ok(_) | Err(_) => Goodbye::TryAgain,
    }
}

/// Sends the last message; a client that is disconnected is no failure.
async fn part(to_client: &mut (impl Sink<Message> + Unpin), goodbye: Goodbye) {
    let closing = async {
        for message in messages(goodbye) {
            if to_client.send(message).await.is_err() {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LONGEST_GOODBYE, closing).await;
}

/// Returns the WebSocket messages of a last message.
fn messages(goodbye: Goodbye) -> Vec<Message> {
    let close = |code| Message::Close(Some(CloseFrame { code, reason: "".into() }));
    match goodbye {
        Goodbye::Silent => vec![close(close_code::NORMAL)],
        Goodbye::Closed(code, text) => {
            vec![
                Message::Binary(ServerMessage::Closed { code, text }.encode().into()),
                close(close_code::NORMAL),
            ]
        }
        Goodbye::TryAgain => vec![close(close_code::AWAY)],
    }
}
