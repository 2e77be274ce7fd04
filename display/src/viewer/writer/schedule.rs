//! Order of the writer's work: the end of the connection, a frame with control messages, control messages
//! alone, a chunk of a transfer, and otherwise waiting.

use super::Writer;
use super::control::ControlBatch;
use crate::inbox::{CloseReason, FrameJob, Pending, Wait};
use crate::outbox::Outbox;
use crate::shared_encode::SharedFrame;
use oriel_wire::ServerMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Interval at which audio without room is tried again, because the kernel does not signal when a socket has
/// drained.
const AUDIO_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Work that the writer takes from its inbox.
pub(super) enum WriterTask {
    /// Control messages, which need no credit, and a frame's picture if one may be sent.
    Send(Box<ControlBatch>, Option<NextUpdate>),
    /// Joining the encode group.
    Join,
    /// Chunk of clipboard contents or of a file, as a message.
    Chunk(ServerMessage),
    /// Dropping encoders that were unused for a while.
    Tidy,
    /// End of the connection, with its reason.
    End(CloseReason),
}

/// Source of the next frame's updates.
pub(super) enum NextUpdate {
    /// Damage to compose with the viewer's own composer.
    Own(Box<FrameJob>),
    /// Frame that the encode group composed.
    Group(Box<SharedFrame>),
}

/// Outcome of the search for a frame to send.
enum FrameStep {
    /// A frame is sent now.
    Send(NextUpdate),
    /// The viewer joins the encode group now.
    Join,
    /// No frame now.
    Hold(FrameHold),
}

/// Reasons for which no frame is sent now.
#[derive(Debug, Clone, Copy)]
struct FrameHold {
    /// True if the screen changed or a refinement is due.
    wanted: bool,
    /// True if flow control permits a frame.
    credit: bool,
    /// Earliest time of the next frame, if that is in the future.
    not_before: Option<Instant>,
    /// True if the encode group composes the next frame, and wakes the writer for it.
    in_group: bool,
}

impl Writer<'_> {
    /// Takes the work that can be done now, or returns until when there is none.
    pub(super) fn ready(&mut self, pending: &mut Pending) -> Wait<WriterTask> {
        self.apply_requests(&mut pending.requests, &mut pending.close_reason);
        if let Some(close_reason) = pending.close_reason.clone() {
            return Wait::Take(WriterTask::End(close_reason));
        }
        let now = Instant::now();
        let control = Box::new(self.take_control(pending, now));
        let hold = match self.take_frame(pending, control.is_empty(), now) {
            FrameStep::Send(update) => return Wait::Take(WriterTask::Send(control, Some(update))),
            FrameStep::Join => return Wait::Take(WriterTask::Join),
            FrameStep::Hold(hold) => hold,
        };
        if !control.is_empty() {
            return Wait::Take(WriterTask::Send(control, None));
        }
        let audio_at = (!pending.audio.is_empty()).then(|| now + AUDIO_POLL_INTERVAL);
        let transfer_at = match self.take_transfer(&mut pending.outbox, hold.wanted, now) {
            Wait::Take(chunk) => return Wait::Take(WriterTask::Chunk(chunk)),
            Wait::Until(then) => Some(then),
            Wait::Forever => None,
        };
        self.flow.note_idle(now);
        self.frame_wait(hold, now).or_at(audio_at.into_iter().chain(transfer_at).min())
    }

    /// Takes the control messages, which need no credit.
    fn take_control(&self, pending: &mut Pending, now: Instant) -> ControlBatch {
        ControlBatch {
            pointer: std::mem::take(&mut pending.pointer),
            pointer_at: std::mem::take(&mut pending.pointer_at) && self.watching,
            leds: std::mem::take(&mut pending.leds),
            layout: std::mem::take(&mut pending.layout),
            too_many_screens: std::mem::take(&mut pending.requests.too_many_screens)
                && !self.too_many_screens_sent,
            pings: pending.requests.pings.drain(..).collect(),
            outbox: pending.outbox.take_control_messages(),
            audio: self.take_audio(&mut pending.audio, now),
            frame_hashes: self.frame_hashes.is_due(),
        }
    }

    /// Takes a frame if there is one, flow control has credit for it and the pace allows it.
    fn take_frame(&mut self, pending: &mut Pending, no_control: bool, now: Instant) -> FrameStep {
        let member = self.frame_source.member().cloned();
        if let Some(frame) = member.as_ref().and_then(|member| member.take_frame()) {
            return FrameStep::Send(NextUpdate::Group(Box::new(frame)));
        }
        let answers = pending.trace.is_some();
        let refines = self.frame_source.own().is_some_and(|composer| composer.wants_frame(now));
        let wanted = !pending.damage.is_empty() || refines;
        let credit = (wanted || member.is_some()) && self.flow.has_credit(answers, now);
        let not_before = self.flow.next_frame_at().filter(|then| *then > now && !answers);
        if let Some(member) = &member {
            if credit {
                member.request_frame(answers, self.flow.capacity(now));
            }
        } else if credit && no_control && self.may_share(now) {
            return FrameStep::Join;
        } else if credit && not_before.is_none() {
            return FrameStep::Send(NextUpdate::Own(Box::new(pending.take_frame_job())));
        }
        FrameStep::Hold(FrameHold { wanted, credit, not_before, in_group: member.is_some() })
    }

    /// Takes a chunk of a transfer if the picture does not have to wait for it.
    fn take_transfer(
        &mut self,
        outbox: &mut Outbox,
        frame_wanted: bool,
        now: Instant,
    ) -> Wait<ServerMessage> {
        if !outbox.has_transfers() {
            return Wait::Forever;
        }
        // A client that presents nothing is not waiting for a frame.
        let silent = self.flow.is_silent(now);
        let clear = (silent || self.flow.has_room(now)) && self.sender.is_drained();
        match self.transfer_pacer.not_before(frame_wanted && !silent, clear, now) {
            Some(then) => Wait::Until(then),
            None => match take_chunk(outbox, self.flow.chunk_size()) {
                Some(chunk) => {
                    self.transfer_pacer.sent(now);
                    Wait::Take(chunk)
                }
                None => Wait::Forever,
            },
        }
    }

    /// Returns until when no frame is due.
    fn frame_wait(&mut self, hold: FrameHold, now: Instant) -> Wait<WriterTask> {
        match (hold.wanted, hold.credit, hold.not_before) {
            // The encode group wakes the writer.
            _ if hold.in_group => Wait::Forever,
            // Only an acknowledgement of the client gives credit.
            (true, false, _) => Wait::Forever,
            (true, true, Some(then)) => Wait::Until(then),
            _ => match self.frame_source.own().and_then(|composer| composer.next_due()) {
                Some(due) if due <= now => Wait::Take(WriterTask::Tidy),
                Some(due) => Wait::Until(due),
                None => Wait::Forever,
            },
        }
    }

    /// Takes the audio packets if they would arrive in time.
    fn take_audio(&self, audio: &mut VecDeque<Arc<[u8]>>, now: Instant) -> VecDeque<Arc<[u8]>> {
        let drained = || self.sender.is_drained();
        if audio.is_empty() || !self.flow.has_room_for_audio(drained, now) {
            return VecDeque::new();
        }
        std::mem::take(audio)
    }

    /// Reports whether the viewer should join the encode group now.
    fn may_share(&mut self, now: Instant) -> bool {
        // A slow line has frames of its own, with less in each.
        self.flow.is_fast()
            && !self.frame_hashes.are_wanted()
            && self.frame_source.should_join(self.screen, now)
    }
}

/// Takes a chunk of clipboard contents or else of a file, of `most` bytes at most: a paste is waited for, a
/// file takes its time anyway.
fn take_chunk(outbox: &mut Outbox, most: usize) -> Option<ServerMessage> {
    let contents = outbox.take_piece(most).map(ServerMessage::ClipboardData);
    contents.or_else(|| outbox.take_file_piece(most).map(ServerMessage::FileContent))
}
