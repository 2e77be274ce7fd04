//! What gathers for one viewer while its writer is busy or waits for credit.

use crate::damage::Damage;
use crate::latency::InputTrace;
use crate::outbox::Outbox;
use oriel_wire::Rect;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An input is not looked for in the picture for longer than this: most pointer movements change nothing.
const TRACE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many inputs are remembered between receipt and the guest seeing them.
const MAX_INPUTS: usize = 256;

/// Sound that waits for a slow line is kept for so many packets, 200 ms; older ones are dropped.
const MAX_AUDIO: usize = 20;

/// Reason for which a viewer's connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection, or the connection broke.
    Left,
    /// The client broke the protocol: how, in one plain sentence.
    Malformed(String),
    /// The machine is gone: why, in one plain sentence.
    Stopped(String),
}

/// Work that waits for a viewer's writer. Each flag is taken (and so cleared) by the writer.
#[derive(Debug, Default)]
pub struct Pending {
    /// Regions of the screen that may have changed.
    pub damage: Damage,
    /// Moment of the oldest flush in `damage`.
    pub flushed: Option<Instant>,
    /// Number of flushes in `damage`.
    pub flushes: u32,
    /// The newest input that a flush answered.
    pub trace: Option<InputTrace>,
    /// The pointer's picture changed.
    pub pointer: bool,
    /// The pointer's place changed.
    pub pointer_at: bool,
    /// The keyboard lights changed.
    pub leds: bool,
    /// The screens of the desktop lie otherwise.
    pub layout: bool,
    /// Audio messages, oldest first.
    pub audio: VecDeque<Arc<[u8]>>,
    /// The connection is to end.
    pub close_reason: Option<CloseReason>,
    /// Requests of the client that the writer has not carried out.
    pub requests: ClientRequests,
    /// Clipboard and file messages for the client.
    pub outbox: Outbox,
    /// Inputs received, oldest first, until the guest sees them.
    received: VecDeque<(u32, Instant)>,
    /// The newest input in the guest, not yet answered: number, received, reached.
    reached: Option<(u32, Instant, Instant)>,
    /// Position of the client's pointer in fractions of the screen, 0 to 65535.
    client_pointer: Option<(u16, u16)>,
}

/// Damage and input trace of which one frame is made.
#[derive(Debug, Default)]
pub struct FrameJob {
    /// Regions of the screen that may have changed.
    pub damage: Damage,
    /// Moment of the oldest flush in `damage`.
    pub flushed: Option<Instant>,
    /// Number of flushes in `damage`.
    pub flushes: u32,
    /// The newest input that a flush answered.
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

/// A frame that the client acknowledged.
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
    /// Pings to return; the oldest go when there are too many.
    pub pings: VecDeque<u64>,
    /// A whole new picture.
    pub refresh: bool,
    /// The client's video decoder failed: no more H.264.
    pub video_failed: bool,
    /// Everything as video, or not.
    pub video_only: Option<bool>,
    /// Whether tile hashes are to follow every exact frame.
    pub frame_hashes: Option<bool>,
    /// More screens than there can be.
    pub too_many_screens: bool,
}

impl ClientRequests {
    /// Whether any request needs a composer of the viewer's own.
    pub fn wants_something_of_its_own(&self) -> bool {
        self.refresh || self.video_failed || self.video_only == Some(true) || self.frame_hashes == Some(true)
    }
}

/// Inbox of one viewer: filled by the screen and by the viewer's reader, emptied by its writer.
#[derive(Debug)]
pub struct ViewerInbox {
    viewer: u32,
    pending: Mutex<Pending>,
    wake: Condvar,
}

impl ViewerInbox {
    pub(crate) fn new(viewer: u32) -> Self {
        let pending =
            Pending { pointer: true, pointer_at: true, leds: true, layout: true, ..Pending::default() };
        Self { viewer, pending: Mutex::new(pending), wake: Condvar::new() }
    }

    /// The viewer's number.
    pub fn viewer(&self) -> u32 {
        self.viewer
    }

    pub(crate) fn damaged(&self, rect: Rect) {
        self.change(|pending| pending.damage.add(rect));
    }

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

    pub(crate) fn pointer_changed(&self) {
        self.change(|pending| pending.pointer = true);
    }

    pub(crate) fn pointer_moved(&self) {
        self.change(|pending| pending.pointer_at = true);
    }

    pub(crate) fn leds_changed(&self) {
        self.change(|pending| pending.leds = true);
    }

    pub(crate) fn layout_changed(&self) {
        self.change(|pending| pending.layout = true);
    }

    /// An Audio message to pass on; gives how many older ones were dropped for it.
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

    /// The client wants no sound any more, not even what waits.
    pub(crate) fn clear_audio(&self) {
        self.pending.lock().audio.clear();
    }

    pub(crate) fn screen_closed(&self, reason: &str) {
        self.close(CloseReason::Stopped(reason.to_owned()));
    }

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

    /// Input `seq` came from the client.
    pub fn input_received(&self, seq: u32, now: Instant) {
        let mut pending = self.pending.lock();
        if pending.received.len() == MAX_INPUTS {
            pending.received.pop_front();
        }
        pending.received.push_back((seq, now));
    }

    /// The client's pointer is there, as fractions of the screen; no reason to wake the writer.
    pub fn set_client_pointer(&self, x: u16, y: u16) {
        self.pending.lock().client_pointer = Some((x, y));
    }

    /// Position of the client's pointer in fractions of the screen, 0 to 65535.
    pub fn client_pointer(&self) -> Option<(u16, u16)> {
        self.pending.lock().client_pointer
    }

    /// The flush behind `answer` changed nothing: the one after it may be the answer, for a while.
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

    /// Has whoever waits look again.
    pub(crate) fn wake(&self) {
        self.change(|_| ());
    }

    /// Takes the damage and the input trace for a frame.
    pub(crate) fn take_frame_job(&self) -> FrameJob {
        self.pending.lock().take_frame_job()
    }

    /// Asks the writer to end the connection; the first reason stands.
    pub fn close(&self, close_reason: CloseReason) {
        self.change(|pending| {
            pending.close_reason.get_or_insert(close_reason);
        });
    }

    /// Whether the connection is to end.
    pub fn is_closing(&self) -> bool {
        self.pending.lock().close_reason.is_some()
    }

    /// Notes what the client asked for, and wakes the writer.
    pub fn request(&self, note: impl FnOnce(&mut ClientRequests)) {
        self.change(|pending| note(&mut pending.requests));
    }

    /// Puts something into the viewer's mail, and wakes the writer.
    pub fn enqueue(&self, message: impl FnOnce(&mut Outbox)) {
        self.change(|pending| message(&mut pending.outbox));
    }

    /// Looks at the viewer's mail.
    pub fn with_outbox<R>(&self, look: impl FnOnce(&Outbox) -> R) -> R {
        look(&self.pending.lock().outbox)
    }

    /// Sleeps until `ready` takes something from what is pending, or `deadline` has passed. `ready`
    /// is called at once and after every change, and says by when it wants to be asked again.
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

    fn change(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending.lock());
        self.wake.notify_one();
    }
}

/// Answer to [`ViewerInbox::wait`]: work, or how long there is none.
#[derive(Debug)]
pub enum Wait<T> {
    /// Work that was taken from the inbox.
    Take(T),
    /// Nothing until something changes.
    Forever,
    /// Nothing until something changes or this moment has come.
    Until(Instant),
}

impl<T> Wait<T> {
    /// Waits no longer than until `then`; work that is there already is taken all the same.
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
