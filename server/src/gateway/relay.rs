//! Relay of messages in both directions, each at the pace of its receiver. No queue of messages builds up.

use super::access_watch::AccessWatch;
use super::redirection_policy::{self, Verdict};
use super::stream_audit::StreamAudit;
use super::{PING_EVERY, SILENCE};
use crate::desktops::DesktopHandle;
use crate::metrics::StreamCounters;
use axum::extract::ws::{Message, WebSocket};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use oriel_host::{ViewerReader, ViewerWriter};
use oriel_vmm_api::ViewerMode;
use oriel_wire::{CloseCode, Direction, MessageKind};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

/// Maximum length of a message from a machine in bytes; an uncompressed 4K picture has half.
const MAX_FROM_MACHINE: usize = 64 * 1024 * 1024;
/// Time within which one message must be sent to the client, long enough for a picture over a slow line.
const LONGEST_SEND: Duration = Duration::from_secs(120);

/// Reason for which a relay ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed its connection or did not answer pings.
    ClientGone,
    /// The client sent a message that is not binary.
    Malformed,
    /// The machine sent the client a Closed message.
    MachineClosed,
    /// The machine's connection ended without a Closed message.
    MachineGone,
}

impl End {
    /// Returns the Closed message that the gateway must send to the client, if any.
    pub(super) fn closing(&self) -> Option<(CloseCode, &'static str)> {
        match self {
            Self::Malformed => Some((
                CloseCode::Malformed,
                "The browser sent something that is no message; load the page anew.",
            )),
            Self::ClientGone | Self::MachineClosed | Self::MachineGone => None,
        }
    }
}

/// Viewer of a desktop, with the data for decisions about messages.
#[derive(Clone, Copy)]
pub(super) struct Viewing<'a> {
    /// Mode of the viewer: watch or interact.
    pub mode: ViewerMode,
    /// Desktop of the viewer.
    pub desktop: &'a DesktopHandle,
    /// Rights of the viewer, with the redirection policy of the desktop's pool.
    pub access: &'a AccessWatch,
    /// Audit of the stream.
    pub audit: &'a StreamAudit,
}

impl Viewing<'_> {
    /// Decides about a message, and tells the audit of the stream.
    fn decide(&self, direction: Direction, message: &[u8]) -> Verdict {
        let verdict = redirection_policy::decide(self.access.policy(), self.mode, direction, message);
        match verdict {
            Verdict::Pass(kind) if !self.audit.permits(kind) => return Verdict::Refuse,
            Verdict::Pass(kind) => self.audit.passed(kind, message),
            Verdict::Refuse => self.audit.refused(direction, message),
            Verdict::Drop => {}
        }
        verdict
    }
}

/// Time of the last message from the client.
pub(super) struct LastReceived(Mutex<Instant>);

impl LastReceived {
    /// Starts with the current time.
    pub(super) fn now() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Records a message from the client.
    fn record(&self) {
        *self.0.lock() = Instant::now();
    }

    /// Returns the time since the last message.
    fn elapsed(&self) -> Duration {
        self.0.lock().elapsed()
    }
}

/// Relays from client to machine: first the early messages, then the client's messages and the gateway's
/// `answers` in its place.
pub(super) async fn upstream(
    client: &mut SplitStream<WebSocket>,
    machine: &mut ViewerWriter,
    early: VecDeque<Bytes>,
    viewing: Viewing<'_>,
    mut answers: mpsc::Receiver<Bytes>,
    last_received: &LastReceived,
    counters: &StreamCounters,
) -> End {
    for message in early {
        if pass_up(machine, &message, viewing, counters).await.is_err() {
            return End::MachineGone;
        }
    }
    loop {
        let message = tokio::select! {
            message = client.next() => message,
            Some(answer) = answers.recv() => {
                if machine.write_all(&framed(&answer)).await.is_err() {
                    return End::MachineGone;
                }
                continue;
            }
        };
        let Some(message) = message else { return End::ClientGone };
        last_received.record();
        match message {
            Ok(Message::Binary(message)) => {
                if pass_up(machine, &message, viewing, counters).await.is_err() {
                    return End::MachineGone;
                }
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Text(_)) => return End::Malformed,
            Ok(Message::Close(_)) | Err(_) => return End::ClientGone,
        }
    }
}

/// Relays a message to the machine, if the policy and the viewer's mode allow it.
async fn pass_up(
    machine: &mut ViewerWriter,
    message: &[u8],
    viewing: Viewing<'_>,
    counters: &StreamCounters,
) -> io::Result<()> {
    match viewing.decide(Direction::ToServer, message) {
        Verdict::Pass(kind) if redirection_policy::acts(kind.class()) => {
            viewing.desktop.acted();
            if redirection_policy::is_activity(kind) {
                viewing.access.acted();
            }
        }
        Verdict::Pass(_) => {}
        Verdict::Refuse => {
            counters.refused();
            return Ok(());
        }
        Verdict::Drop => {
            counters.dropped_input();
            return Ok(());
        }
    }
    counters.up(message.len());
    machine.write_all(&framed(message)).await
}

/// Prefixes a message with its length as a little-endian `u32`, in one buffer for one system call.
fn framed(message: &[u8]) -> BytesMut {
    let mut frame = BytesMut::with_capacity(message.len() + 4);
    // Bounded by oriel_wire::MAX_CLIENT_MESSAGE.
    frame.put_u32_le(message.len() as u32);
    frame.put_slice(message);
    frame
}

/// Relays from machine to client, and sends pings. A refused message that needs a reply is answered over
/// `answers`.
pub(super) async fn downstream(
    machine: ViewerReader,
    client: &mut SplitSink<WebSocket, Message>,
    viewing: Viewing<'_>,
    answers: mpsc::Sender<Bytes>,
    last_received: &LastReceived,
    counters: &StreamCounters,
) -> End {
    let mut messages = LengthDelimitedCodec::builder()
        .little_endian()
        .length_field_type::<u32>()
        .max_frame_length(MAX_FROM_MACHINE)
        .new_read(machine);
    let mut ping = tokio::time::interval(PING_EVERY);
    // The newest capabilities as the machine sent them, which are sent anew under a changed policy.
    let mut agents = None;
    let mut policy = viewing.access.policy();
    loop {
        let (message, last) = tokio::select! {
            message = next(&mut messages) => match message {
                Some(message) => {
                    if MessageKind::of(Direction::ToClient, &message) == Some(MessageKind::Agents) {
                        agents = Some(message.clone());
                    }
                    let Some((kind, message)) = filter_message(message, viewing, &answers) else {
                        counters.refused();
                        continue;
                    };
                    counters.down(message.len());
                    let last = kind == MessageKind::Closed;
                    (Message::Binary(message), last)
                }
                None => return End::MachineGone,
            },
            changed = viewing.access.policy_changed(policy) => {
                policy = changed;
                let told = agents.clone().and_then(|agents| redirection_policy::filter_agents(policy, agents));
                let Some(told) = told else { continue };
                (Message::Binary(told), false)
            }
            _ = ping.tick() => {
                if last_received.elapsed() > SILENCE {
                    return End::ClientGone;
                }
                (Message::Ping(Bytes::new()), false)
            }
        };
        match tokio::time::timeout(LONGEST_SEND, client.send(message)).await {
            Ok(Ok(())) if last => return End::MachineClosed,
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return End::ClientGone,
        }
    }
}

/// Returns a machine's message as the client may receive it; `None` for a refused message.
fn filter_message(
    message: Bytes,
    viewing: Viewing<'_>,
    answers: &mpsc::Sender<Bytes>,
) -> Option<(MessageKind, Bytes)> {
    match viewing.decide(Direction::ToClient, &message) {
        Verdict::Pass(MessageKind::Agents) => {
            Some((MessageKind::Agents, redirection_policy::filter_agents(viewing.access.policy(), message)?))
        }
        Verdict::Pass(kind) => Some((kind, message)),
        Verdict::Refuse | Verdict::Drop => {
            if let Some(answer) = redirection_policy::decline(&message) {
                // A full channel means that the machine does not read its replies; it may wait for this one.
                let _ = answers.try_send(answer);
            }
            None
        }
    }
}

/// Reads the next message of the machine; `None` after the end or an error.
async fn next(messages: &mut FramedRead<ViewerReader, LengthDelimitedCodec>) -> Option<Bytes> {
    match messages.next().await? {
        Ok(message) => Some(message.freeze()),
        Err(error) => {
            oriel_vmm_api::log_limited!(warn, %error, "a machine's stream was interrupted");
            None
        }
    }
}
