//! Writer of a viewer: decides which message the client receives next, and sends it.
//!
//! [`schedule`] selects work from the inbox, [`control`] sends messages beside the picture, [`frames`]
//! composes and sends frames.

mod control;
mod frames;
mod schedule;

use super::Mode;
use super::flow_control::FlowControl;
use super::frame_hashes::FrameHashes;
use super::frame_source::FrameSource;
use super::message_sender::MessageSender;
use super::transfer_pacer::TransferPacer;
use crate::inbox::{Ack, ClientRequests, CloseReason, ViewerInbox};
use crate::latency::UnpresentedFrames;
use crate::lossless::encode::CompressError;
use crate::monitors::Monitors;
use crate::pipeline::Composer;
use crate::screen::Screen;
use crate::shared_encode::EncodeGroup;
use oriel_wire::{Abilities, CloseCode, Hello, Size, TileHashes};
use schedule::{NextUpdate, WriterTask};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Writer of one viewer: sends a frame whenever the screen changed and flow control permits one.
pub struct Writer<'a> {
    monitors: &'a Monitors,
    screen: &'a Screen,
    inbox: &'a Arc<ViewerInbox>,
    sender: MessageSender,
    frame_source: FrameSource<'a>,
    flow: FlowControl,
    transfer_pacer: TransferPacer,
    /// Size of the last frame, and whether the client's picture was exact after it; `None` before the first.
    shown: Option<(Size, bool)>,
    /// True for a client that only watches.
    watching: bool,
    /// Audio directions available to this client.
    audio_abilities: Abilities,
    /// True once the client was notified that it requested too many screens.
    too_many_screens_sent: bool,
    /// Schedule of tile hashes for a client that compares pictures.
    frame_hashes: FrameHashes,
    /// Frames that answer an input and are not acknowledged.
    unpresented: UnpresentedFrames,
}

impl<'a> Writer<'a> {
    /// Creates a writer for a client that has no picture yet.
    pub fn new(
        monitors: &'a Monitors,
        (screen, group): (&'a Screen, Option<&'a Arc<EncodeGroup>>),
        inbox: &'a Arc<ViewerInbox>,
        sender: MessageSender,
        hello: &Hello,
        mode: Mode,
        audio_abilities: Abilities,
    ) -> Result<Self, CompressError> {
        let composer = Composer::new(hello.h264, hello.video_only)?;
        let watching = mode == Mode::Watch;
        Ok(Self {
            monitors,
            screen,
            inbox,
            sender,
            frame_source: FrameSource::new(composer, group),
            flow: FlowControl::new(Instant::now()),
            transfer_pacer: TransferPacer::default(),
            shown: None,
            watching,
            audio_abilities,
            too_many_screens_sent: false,
            frame_hashes: FrameHashes::default(),
            unpresented: UnpresentedFrames::default(),
        })
    }

    /// Takes over the tile hashes of a client's picture: the first frame then contains only tiles that
    /// differ.
    pub fn resume(&mut self, known: TileHashes) {
        if let Some(composer) = self.frame_source.own() {
            composer.resume(known);
        }
    }

    /// Sends messages until the connection is to end; returns the reason.
    pub fn run(&mut self) -> CloseReason {
        loop {
            let inbox = self.inbox;
            let sent = match inbox.wait(|pending| self.ready(pending)) {
                WriterTask::Send(control, update) => {
                    self.send_control_batch(&control).and_then(|()| match update {
                        Some(NextUpdate::Own(work)) => self.send_picture(&work),
                        Some(NextUpdate::Group(shared)) => self.send_shared(&shared),
                        None => Ok(()),
                    })
                }
                WriterTask::Join => {
                    let now = Instant::now();
                    self.frame_source.join(self.inbox, self.flow.capacity(now), now);
                    Ok(())
                }
                WriterTask::Chunk(piece) => {
                    self.send(&piece.encode()).and_then(|()| self.send_empty_frame_if_wanted())
                }
                WriterTask::Tidy => {
                    if let Some(composer) = self.frame_source.own() {
                        composer.tidy(Instant::now());
                    }
                    Ok(())
                }
                WriterTask::End(close_reason) => return self.end(close_reason),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a viewer's connection broke");
                self.inbox.close(CloseReason::Left);
            }
        }
    }

    /// Sends the reason for closing to the client, if the connection still stands.
    fn end(&mut self, close_reason: CloseReason) -> CloseReason {
        match &close_reason {
            CloseReason::Left => {}
            CloseReason::Malformed(text) => {
                self.screen.counters().malformed_messages.add(1);
                self.sender.send_closed(CloseCode::Malformed, text);
            }
            CloseReason::Stopped(text) => self.sender.send_closed(CloseCode::Stopped, text),
        }
        close_reason
    }

    /// Applies acknowledgements and requests of the client; a violation of the protocol sets `close_reason`.
    fn apply_requests(&mut self, requests: &mut ClientRequests, close_reason: &mut Option<CloseReason>) {
        for Ack { frame_id, painting, received } in requests.acks.drain(..) {
            if let Err(error) = self.flow.acknowledged(frame_id, painting, received) {
                close_reason.get_or_insert(CloseReason::Malformed(format!("The client sent {error}.")));
            }
            self.unpresented.acknowledged(frame_id, received, &self.screen.counters().latency);
        }
        self.frame_source.apply_requests(requests, Instant::now());
        if self.frame_source.own().is_none() {
            return;
        }
        if let Some(wanted) = requests.frame_hashes.take() {
            self.frame_hashes.set(wanted);
        }
    }

    /// Sends a message and counts its bytes as in flight.
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.flow.sent(message.len(), Instant::now());
        self.sender.send(message, self.inbox)
    }
}
