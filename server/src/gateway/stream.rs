//! One user's view of one desktop, from opening to end.

use super::handshake::{NotOpened, open};
use super::relay::{self, End, LastHeard, Viewing};
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

/// The last messages have so long to leave.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);
/// Answers to the machine that wait for the one before them to be written.
const ANSWERS: usize = 4;
/// After a machine's connection broke, its desktop has so long to say what became of it.
const VERDICT: Duration = Duration::from_secs(12);

/// Everything that a stream is made of.
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
    /// The server is going away.
    pub stopping: CancellationToken,
}

/// What the client is told at the end.
enum Goodbye {
    /// Nothing: the client is gone, or has had the machine's own Closed.
    Silent,
    /// Reason for the end; the client should not just try again.
    Closed(CloseCode, String),
    /// Nothing is wrong with the desktop: the client should just try again.
    TryAgain,
}

/// Relays messages between a browser and a desktop's machine until either ends.
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
    let heard = LastHeard::now();
    let (mut to_client, mut from_client) = socket.split();
    let (from_machine, mut to_machine) = opened.machine.into_split();
    let viewing = Viewing { mode: stream.mode, desktop: &stream.desktop, policy: stream.policy };
    let (answer, answers) = mpsc::channel(ANSWERS);
    let end = tokio::select! {
        end = relay::upstream(
            &mut from_client, &mut to_machine, opened.early, viewing, answers, &heard, &counters,
        ) => Ok(end),
        end = relay::downstream(
            from_machine, &mut to_client, viewing, answer, &heard, &counters,
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

fn logged_out() -> Goodbye {
    Goodbye::Closed(CloseCode::Forbidden, "You have been logged out.".into())
}

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

/// What became of a desktop whose machine broke off.
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

/// Whoever is gone hears no goodbye, so failures are none.
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
