//! Inbox of a viewer: damage, messages and requests that gather while the writer is busy or waits for credit.
//!
//! Filled by the screen, the redirection hub, playback and the viewer's reader; emptied by the viewer's
//! writer or an encode group. It holds no encoded frames.

use crate::damage::Damage;
use crate::latency::InputTrace;
use crate::outbox::Outbox;
use oriel_wire::Rect;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time after which an input is no longer expected to show in the picture: most pointer movements change
/// nothing.
const TRACE_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest number of inputs recorded between receipt and delivery to the guest.
const MAX_INPUTS: usize = 256;

/// Largest number of audio packets queued for a slow line (200 ms); older ones are dropped.
const MAX_AUDIO: usize = 20;

/// Reason for which a viewer's connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection, or the connection broke.
    Left,
    /// The client violated the protocol; the reason in one plain sentence.
    Malformed(String),
    /// The machine has stopped; the reason in one plain sentence.
    Stopped(String),
}

/// Work that waits for a viewer's writer. The writer takes, and so clears, each flag.
#[derive(Debug, Default)]
pub struct Pending {
    /// Regions of the screen that may have changed.
    pub damage: Damage,
    /// Moment of the oldest flush in `damage`.
    pub flushed: Option<Instant>,
    /// Number of flushes in `damage`.
    pub flushes: u32,
    /// Trace of the newest input that a flush answered.
    pub trace: Option<InputTrace>,
    /// True if the cursor's image changed.
    pub pointer: bool,
    /// True if the cursor's position changed.
    pub pointer_at: bool,
    /// True if the keyboard LEDs changed.
    pub leds: bool,
    /// True if the layout of the desktop's screens changed.
    pub layout: bool,
    /// Encoded audio messages, oldest first.
    pub audio: VecDeque<Arc<[u8]>>,
    /// Reason for which the connection is to end; `None` while it goes on.
    pub close_reason: Option<CloseReason>,
    /// Requests of the client that the writer has not carried out.
    pub requests: ClientRequests,
    /// Clipboard and file messages for the client.
    pub outbox: Outbox,
    /// Inputs (sequence number, time of receipt), oldest first, that have not reached the guest.
    received: VecDeque<(u32, Instant)>,
    /// Newest input in the guest without an answer: sequence number, time of receipt, time at which the guest
    /// could see it.
    reached: Option<(u32, Instant, Instant)>,
    /// Position of the client's pointer in fractions of the screen, 0 to 65535.
    client_pointer: Option<(u16, u16)>,
}

/// Damage and input trace from which one frame is composed.
#[derive(Debug, Default)]
pub struct FrameJob {
    /// Regions of the screen that may have changed.
    pub damage: Damage,
    /// Moment of the oldest flush in `damage`.
    pub flushed: Option<Instant>,
    /// Number of flushes in `damage`.
    pub flushes: u32,
    /// Trace of the newest input that a flush answered.
    pub trace: Option<InputTrace>,
}

impl Pending {
    /// Takes the damage and the input trace for a frame.
    pub fn take_frame_job(&mut self) -> FrameJob {
        FrameJob {
            damage: std::mem::take(&mut self.damage),
            flushed: self.flushed.take(),
            flushes: std::mem::take(&mut self.flushes),
            trace: self.trace.take(),
        }
    }
}

/// Acknowledgement of a frame by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Number of the acknowledged frame, as in its header.
    pub frame_id: u32,
    /// Time from the frame's arrival at the client until it was presented, as the client measured it.
    pub painting: Duration,
    /// Moment at which the acknowledgement was received.
    pub received: Instant,
}

/// Requests of a client to its own connection.
#[derive(Debug, Default)]
pub struct ClientRequests {
    /// Acknowledgements of frames, oldest first.
    pub acks: VecDeque<Ack>,
    /// Values of pings to return, oldest first; the oldest are dropped beyond 64.
    pub pings: VecDeque<u64>,
    /// True if the client requests a whole new picture.
    pub refresh: bool,
    /// True if the client's video decoder failed, so that no more H.264 may be sent.
    pub video_failed: bool,
    /// New setting of sending every change as video; `None` if unchanged.
    pub video_only: Option<bool>,
    /// New setting of sending tile hashes after every exact frame; `None` if unchanged.
    pub frame_hashes: Option<bool>,
    /// True if the client requested more screens than the desktop has.
    pub too_many_screens: bool,
}

impl ClientRequests {
    /// Reports whether any request requires a composer of the viewer's own.
    pub fn wants_something_of_its_own(&self) -> bool {
        self.refresh || self.video_failed || self.video_only == Some(true) || self.frame_hashes == Some(true)
    }
}

/// Inbox of one viewer: filled by the screen and by the viewer's reader, emptied by its writer.
#[derive(Debug)]
pub struct ViewerInbox {
    /// Number of the viewer; 0 for an encode group.
    viewer: u32,
    pending: Mutex<Pending>,
    /// Signalled after every change of `pending`.
    wake: Condvar,
}

impl ViewerInbox {
    /// Creates an inbox with the state of the screen to be sent.
    pub(crate) fn new(viewer: u32) -> Self {
        let pending =
            Pending { pointer: true, pointer_at: true, leds: true, layout: true, ..Pending::default() };
        Self { viewer, pending: Mutex::new(pending), wake: Condvar::new() }
    }

    /// Returns the viewer's number; 0 for an encode group.
    pub fn viewer(&self) -> u32 {
        self.viewer
    }

    /// Adds damage that no flush of the guest caused.
    pub(crate) fn damaged(&self, rect: Rect) {
        self.change(|pending| pending.damage.add(rect));
    }

    /// Adds the damage of a flush, which is taken to answer the newest input in the guest.
    pub(crate) fn flushed(&self, rect: Rect, now: Instant) {
        self.change(|pending| {
            if let Some((seq, received, reached)) = pending.reached.take() {
                pending.trace = Some(InputTrace { seq, received, reached, flushed: now });
            }
            if !rect.is_empty() {
                pending.flushed.get_or_insert(now);
                pending.flushes = pending.flushes.saturating_add(1);
                pending.damage.add(rect);
            }
        });
    }

    /// Requests that the cursor's image is sent.
    pub(crate) fn pointer_changed(&self) {
        self.change(|pending| pending.pointer = true);
    }

    /// Requests that the cursor's position is sent.
    pub(crate) fn pointer_moved(&self) {
        self.change(|pending| pending.pointer_at = true);
    }

    /// Requests that the keyboard LEDs are sent.
    pub(crate) fn leds_changed(&self) {
        self.change(|pending| pending.leds = true);
    }

    /// Requests that the layout of the screens is sent.
    pub(crate) fn layout_changed(&self) {
        self.change(|pending| pending.layout = true);
    }

    /// Appends an audio message to send; returns the number of older ones that were dropped.
    pub(crate) fn push_audio(&self, message: &Arc<[u8]>) -> u64 {
        let mut dropped = 0;
        self.change(|pending| {
            while pending.audio.len() >= MAX_AUDIO {
                pending.audio.pop_front();
                dropped += 1;
            }
            pending.audio.push_back(message.clone());
        });
        dropped
    }

    /// Removes all queued audio, for a client that turned playback off.
    pub(crate) fn clear_audio(&self) {
        self.pending.lock().audio.clear();
    }

    /// Closes the connection because the machine has stopped; `reason` is one plain sentence.
    pub(crate) fn screen_closed(&self, reason: &str) {
        self.close(CloseReason::Stopped(reason.to_owned()));
    }

    /// Records that the guest can see input `seq`; earlier inputs are no longer traced.
    pub(crate) fn input_reached_guest(&self, seq: u32, now: Instant) {
        let mut pending = self.pending.lock();
        while let Some(&(first, received)) = pending.received.front() {
            if first > seq {
                break;
            }
            pending.received.pop_front();
            if first == seq {
                pending.reached = Some((seq, received, now));
            }
        }
    }

    /// Records that input `seq` was received from the client.
    pub fn input_received(&self, seq: u32, now: Instant) {
        let mut pending = self.pending.lock();
        if pending.received.len() == MAX_INPUTS {
            pending.received.pop_front();
        }
        pending.received.push_back((seq, now));
    }

    /// Records the position of the client's pointer in fractions of the screen, 0 to 65535; does not wake the
    /// writer.
    pub fn set_client_pointer(&self, x: u16, y: u16) {
        self.pending.lock().client_pointer = Some((x, y));
    }

    /// Returns the position of the client's pointer in fractions of the screen, 0 to 65535; `None` before any
    /// movement.
    pub fn client_pointer(&self) -> Option<(u16, u16)> {
        self.pending.lock().client_pointer
    }

    /// Returns the trace of an input whose flush changed nothing: a later flush may be the answer, within a
    /// second of the input.
    pub fn retry_trace(&self, trace: InputTrace) {
        let mut pending = self.pending.lock();
        if pending.trace.is_some() || trace.reached.elapsed() >= TRACE_TIMEOUT {
            return;
        }
        match pending.flushed {
            Some(flushed) => pending.trace = Some(InputTrace { flushed, ..trace }),
            None => {
                pending.reached.get_or_insert((trace.seq, trace.received, trace.reached));
            }
        }
    }

    /// Makes a waiting thread check the inbox again.
    pub(crate) fn wake(&self) {
        self.change(|_| ());
    }

    /// Takes the damage and the input trace for a frame.
    pub(crate) fn take_frame_job(&self) -> FrameJob {
        self.pending.lock().take_frame_job()
    }

    /// Requests the end of the connection; the first reason counts.
    pub fn close(&self, close_reason: CloseReason) {
        self.change(|pending| {
            pending.close_reason.get_or_insert(close_reason);
        });
    }

    /// Reports whether the connection is to end.
    pub fn is_closing(&self) -> bool {
        self.pending.lock().close_reason.is_some()
    }

    /// Records a request of the client and wakes the writer.
    pub fn request(&self, note: impl FnOnce(&mut ClientRequests)) {
        self.change(|pending| note(&mut pending.requests));
    }

    /// Adds a message to the viewer's outbox and wakes the writer.
    pub fn enqueue(&self, message: impl FnOnce(&mut Outbox)) {
        self.change(|pending| message(&mut pending.outbox));
    }

    /// Calls `look` with the viewer's outbox and returns the result.
    pub fn with_outbox<R>(&self, look: impl FnOnce(&Outbox) -> R) -> R {
        look(&self.pending.lock().outbox)
    }

    /// Blocks until `ready` takes work from the inbox. `ready` is called at once, after every change, and at
    /// the time that it returned last.
    pub fn wait<T>(&self, mut ready: impl FnMut(&mut Pending) -> Wait<T>) -> T {
        let mut pending = self.pending.lock();
        loop {
            match ready(&mut pending) {
                Wait::Take(work) => return work,
                Wait::Forever => {
                    self.wake.wait(&mut pending);
                }
                Wait::Until(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    self.wake.wait_for(&mut pending, left);
                }
            }
        }
    }

    /// Changes the pending work and wakes the waiting thread.
    fn change(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending.lock());
        self.wake.notify_one();
    }
}

/// Result of the callback of [`ViewerInbox::wait`]: work, or a time to wait.
#[derive(Debug)]
pub enum Wait<T> {
    /// Work that was taken from the inbox.
    Take(T),
    /// No work until the inbox changes.
    Forever,
    /// No work until the inbox changes or this time has come.
    Until(Instant),
}

impl<T> Wait<T> {
    /// Limits the waiting time to `then`; work that was taken stays.
    pub fn or_at(self, then: Option<Instant>) -> Self {
        match (self, then) {
            (Self::Forever, Some(then)) => Self::Until(then),
            (Self::Until(earlier), Some(then)) => Self::Until(earlier.min(then)),
            (wait, _) => wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_answers_the_newest_input_in_the_guest() {
        let inbox = ViewerInbox::new(1);
        let start = Instant::now();
        inbox.input_received(1, start);
        inbox.input_received(2, start);
        inbox.flushed(Rect::new(0, 0, 1, 1), start);
        assert_eq!(inbox.pending.lock().trace, None);
        inbox.input_reached_guest(1, start);
        inbox.input_reached_guest(2, start);
        inbox.flushed(Rect::new(0, 0, 1, 1), start);
        let trace = inbox.pending.lock().trace.take().expect("the flush answers");
        assert_eq!(trace.seq, 2);

        inbox.pending.lock().flushed = None;
        inbox.retry_trace(trace);
        assert_eq!(inbox.pending.lock().trace, None);
        inbox.flushed(Rect::new(0, 0, 1, 1), start);
        assert_eq!(inbox.pending.lock().trace.map(|one| one.seq), Some(2));
    }

    #[test]
    fn a_flush_while_the_writer_looks_in_vain_is_the_answer() {
        let inbox = ViewerInbox::new(1);
        let start = Instant::now();
        let later = start + Duration::from_millis(5);
        inbox.flushed(Rect::new(0, 0, 1, 1), later);
        inbox.retry_trace(InputTrace { seq: 3, received: start, reached: start, flushed: start });
        let trace = inbox.pending.lock().trace.expect("the flush answers");
        assert_eq!((trace.seq, trace.flushed), (3, later));
    }

    #[test]
    fn an_input_that_was_never_received_answers_nothing() {
        let inbox = ViewerInbox::new(1);
        inbox.input_reached_guest(7, Instant::now());
        inbox.flushed(Rect::new(0, 0, 1, 1), Instant::now());
        assert_eq!(inbox.pending.lock().trace, None);
    }
}
