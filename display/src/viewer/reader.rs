//! Receiving half of a viewer's connection: decodes messages, passes input to the machine, and leaves
//! requests for the writer in the inbox.

use super::audio_streams::AudioStreams;
use crate::held_inputs::HeldInputs;
use crate::inbox::{Ack, CloseReason, ViewerInbox};
use crate::input::{InputId, InputSink};
use crate::monitors::{LayoutClient, Monitors};
use crate::redirection::RedirectionChannel;
use crate::screen::Screen;
use oriel_wire::framing::{ReadError, read_message};
use oriel_wire::{ClientMessage, Decoded, InputEvent, MAX_CLIENT_MESSAGE};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Largest number of pings, and of acknowledgements, queued for the writer. Of a client that sends more without
/// reading, the oldest are dropped.
const MAX_QUEUED_REQUESTS: usize = 64;

/// Reader of one viewer, run by a thread of its own.
pub struct Reader<'a> {
    /// Screens of the desktop.
    pub monitors: &'a Monitors,
    /// Screen that the client shows.
    pub screen: &'a Screen,
    /// Number of that screen, from 0.
    pub shown: usize,
    /// Inbox that the viewer's writer empties.
    pub inbox: &'a ViewerInbox,
    /// Machine's receiver of input events.
    pub input: &'a dyn InputSink,
    /// Membership in the monitor layout; `None` for a client that only watches.
    pub layout_client: Option<LayoutClient>,
    /// Clipboard and file redirection of this viewer.
    pub channel: RedirectionChannel,
    /// Audio registrations of this viewer.
    pub audio: AudioStreams,
    /// Keys and buttons that the client holds down, among those of all viewers.
    pub held: HeldInputs,
    /// Sequence number of the client's newest input.
    pub last_seq: u32,
}

impl Reader<'_> {
    /// Reads until the connection ends, then releases held keys and buttons and closes the inbox.
    pub fn run(mut self, mut stream: UnixStream) {
        let mut message = Vec::new();
        let close_reason = loop {
            match read_message(&mut stream, &mut message, MAX_CLIENT_MESSAGE) {
                Ok(()) => {}
                Err(error @ (ReadError::TooLong { .. } | ReadError::Torn)) => {
                    break CloseReason::Malformed(format!("The client sent {error}."));
                }
                Err(ReadError::Ended | ReadError::Io(_)) => break CloseReason::Left,
            }
            let received = Instant::now();
            match ClientMessage::decode(&message) {
                Ok(Decoded::Known(ClientMessage::Hello(_))) => {
                    break CloseReason::Malformed("The client sent Hello twice.".to_owned());
                }
                Ok(Decoded::Known(message)) => self.dispatch(message, received),
                Ok(Decoded::Unknown(kind)) => {
                    tracing::debug!(kind, "ignored a message of an unknown type");
                    self.screen.counters().ignored_messages.add(1);
                }
                Err(error) => break CloseReason::Malformed(format!("The client sent {error}.")),
            }
        };
        self.release_all(self.last_seq);
        self.inbox.close(close_reason);
    }

    /// Handles one message. Acting messages of a client that only watches are counted and ignored.
    fn dispatch(&mut self, message: ClientMessage, received: Instant) {
        match message {
            ClientMessage::Hello(_) => {}
            // Tile hashes are valid only directly after Hello.
            ClientMessage::ResumeHashes(_) => self.screen.counters().ignored_messages.add(1),
            message if self.layout_client.is_none() && message.acts() => {
                self.screen.counters().ignored_messages.add(1);
            }
            ClientMessage::LayoutRequest(request) => {
                if request.len() > self.monitors.screens().len() {
                    self.inbox.request(|requests| requests.too_many_screens = true);
                }
                if let Some(client) = &self.layout_client {
                    client.request(request);
                }
            }
            ClientMessage::Input { seq, event } => self.input(event, seq, received),
            ClientMessage::ReleaseAll { seq } => {
                self.inbox.input_received(seq, received);
                self.last_seq = seq;
                self.release_all(seq);
            }
            ClientMessage::Ack { frame_id, present_us, .. } => self.inbox.request(|requests| {
                let painting = Duration::from_micros(present_us.into());
                if requests.acks.len() == MAX_QUEUED_REQUESTS {
                    requests.acks.pop_front();
                }
                requests.acks.push_back(Ack { frame_id, painting, received });
            }),
            ClientMessage::Settings { video_only, frame_hashes } => self.inbox.request(|requests| {
                requests.video_only = Some(video_only);
                requests.frame_hashes = Some(frame_hashes);
            }),
            ClientMessage::Ping(value) => self.inbox.request(|requests| {
                if requests.pings.len() == MAX_QUEUED_REQUESTS {
                    requests.pings.pop_front();
                }
                requests.pings.push_back(value);
            }),
            ClientMessage::Refresh => self.inbox.request(|requests| requests.refresh = true),
            ClientMessage::VideoFailed => self.inbox.request(|requests| requests.video_failed = true),
            ClientMessage::ClipboardOffer(types) => self.channel.offer(types),
            ClientMessage::ClipboardRequest { request, content } => self.channel.request(request, content),
            ClientMessage::ClipboardData(piece) => self.channel.provide(piece),
            ClientMessage::FileStart { transfer, size, name } => {
                self.channel.start_upload(transfer, size, &name);
            }
            ClientMessage::FileData { transfer, bytes } => self.channel.upload_data(transfer, &bytes),
            ClientMessage::FileCancel { transfer } => self.channel.cancel_upload(transfer),
            ClientMessage::FileAnswer { offer, accept } => self.channel.answer_download(offer, accept),
            ClientMessage::FileTaken { offer, received } => self.channel.ack_download(offer, received),
            ClientMessage::Sound { playback, capture } => {
                self.audio.set(playback, capture && self.layout_client.is_some());
            }
            ClientMessage::Recording(recording) => {
                if !self.audio.record(&recording) {
                    self.screen.counters().ignored_messages.add(1);
                }
            }
        }
    }

    /// Passes an input event to the machine, with a pointer position converted to the desktop's coordinates.
    fn input(&mut self, event: InputEvent, seq: u32, received: Instant) {
        self.last_seq = seq;
        self.inbox.input_received(seq, received);
        if let Some(client) = &self.layout_client {
            client.acted();
        }
        let event = match event {
            InputEvent::PointerTo { x, y } => {
                self.inbox.set_client_pointer(x, y);
                let (x, y) = self.monitors.locate(self.shown, x, y);
                InputEvent::PointerTo { x, y }
            }
            other => other,
        };
        self.channel.acted();
        let id = InputId { viewer: self.inbox.viewer(), seq };
        self.held.pass(event, || {
            self.screen.counters().inputs.add(1);
            self.input.input(event, id);
        });
    }

    /// Sends release events for all keys and buttons that no other viewer holds to the machine.
    fn release_all(&mut self, seq: u32) {
        let id = InputId { viewer: self.inbox.viewer(), seq };
        self.held.release_all(|event| {
            self.screen.counters().inputs.add(1);
            self.input.input(event, id);
        });
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
