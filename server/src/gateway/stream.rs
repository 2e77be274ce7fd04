//! Stream of one viewer of one desktop, from the handshake to the end.

use super::handshake::{NotOpened, open};
use super::relay::{self, End, LastReceived, Viewing};
use super::session_watch::session_ended;
use crate::desktops::{DesktopHandle, State};
use crate::metrics::Metrics;
use crate::pools::RedirectionPolicy;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{Sink, SinkExt, StreamExt};
use oriel_auth::{SessionId, Sessions};
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
    /// Redirection policy of the desktop's pool.
    pub policy: RedirectionPolicy,
    /// Session of the viewer; the stream ends with the session.
    pub session: SessionId,
    /// Table of sessions, in which the gateway looks for the session's end.
    pub sessions: Sessions,
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

/// Runs a stream on a WebSocket: handshake, relay, and the last message to the client.
pub async fn serve(mut socket: WebSocket, stream: Stream) {
    let counters = stream.metrics.stream();
    let opened = tokio::select! {
        opened = open(&mut socket, &stream.desktop, stream.mode) => Ok(opened),
        () = session_ended(&stream.sessions, stream.session) => Err(logged_out()),
        () = stream.stopping.cancelled() => Err(Goodbye::TryAgain),
    };
    let opened = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return part(&mut socket, not_opened(error)).await,
        Err(goodbye) => return part(&mut socket, goodbye).await,
    };
    let _present = stream.desktop.viewer_arrives();
    let last_received = LastReceived::now();
    let (mut to_client, mut from_client) = socket.split();
    let (from_machine, mut to_machine) = opened.machine.into_split();
    let viewing = Viewing { mode: stream.mode, desktop: &stream.desktop, policy: stream.policy };
    let (answer, answers) = mpsc::channel(ANSWERS);
    let end = tokio::select! {
        end = relay::upstream(
            &mut from_client, &mut to_machine, opened.early, viewing, answers, &last_received, &counters,
        ) => Ok(end),
        end = relay::downstream(
            from_machine, &mut to_client, viewing, answer, &last_received, &counters,
        ) => Ok(end),
        () = session_ended(&stream.sessions, stream.session) => Err(logged_out()),
        () = stream.stopping.cancelled() => Err(Goodbye::TryAgain),
    };
    let goodbye = match end {
        Err(goodbye) => goodbye,
        Ok(End::MachineGone) => verdict(&stream.desktop).await,
        Ok(end) => {
            end.closing().map_or(Goodbye::Silent, |(code, text)| Goodbye::Closed(code, text.to_owned()))
        }
    };
    part(&mut to_client, goodbye).await;
}

/// Returns the last message for an ended session.
fn logged_out() -> Goodbye {
    Goodbye::Closed(CloseCode::Forbidden, "You have been logged out.".into())
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
