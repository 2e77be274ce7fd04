//! What gathers for one viewer while its writer is busy or waits for credit.

use crate::redirection::Mail;
use oriel_wire::Rect;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Damage is kept as at most this many rectangles; then they are merged into one.
const MAX_RECTS: usize = 16;

/// An input is not looked for in the picture for longer than this: most pointer movements change nothing.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// How many inputs are remembered between receipt and the guest seeing them.
const MAX_INPUTS: usize = 256;

/// Sound that waits for a slow line is kept for so many packets, 200 ms; older ones are dropped.
const MAX_AUDIO: usize = 20;

/// Where to look for changes: a bounded list of rectangles, possibly overlapping.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Damage(Vec<Rect>);

impl Damage {
    /// Adds `rect`; an empty one adds nothing.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.0.iter().any(|one| one.union(&rect) == *one) {
            return;
        }
        self.0.retain(|one| one.union(&rect) != rect);
        self.0.push(rect);
        if self.0.len() > MAX_RECTS {
            let whole = self.0.iter().fold(Rect::default(), |sum, one| sum.union(one));
            self.0 = vec![whole];
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rectangles.
    pub fn rects(&self) -> &[Rect] {
        &self.0
    }
}

/// The way of one input to the flush that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The client's number of the input.
    pub seq: u32,
    /// When it was received.
    pub received: Instant,
    /// When the guest could see it.
    pub reached: Instant,
    /// When the guest flushed next.
    pub flushed: Instant,
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The client left.
    Left,
    /// The client broke the protocol: how, in one plain sentence.
    Malformed(String),
    /// The machine is gone: why, in one plain sentence.
    Stopped(String),
}

/// What a viewer has to do. Each flag is taken (and so cleared) by the writer.
#[derive(Debug, Default)]
pub struct Pending {
    /// Where the screen may have changed.
    pub damage: Damage,
    /// When the oldest of that damage was flushed.
    pub flushed: Option<Instant>,
    /// How many flushes it came from.
    pub flushes: u32,
    /// The newest input that a flush answered.
    pub answer: Option<Answer>,
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
    pub ending: Option<Ending>,
    /// What the client asked for since.
    pub asked: Asked,
    /// What comes from the guest's clipboard and of files.
    pub mail: Mail,
    /// Inputs received, oldest first, until the guest sees them.
    received: VecDeque<(u32, Instant)>,
    /// The newest input in the guest, not yet answered: number, received, reached.
    reached: Option<(u32, Instant, Instant)>,
    /// Where the client's pointer is, as fractions of the screen.
    client_pointer: Option<(u16, u16)>,
}

/// What a picture is to be made of.
#[derive(Debug, Default)]
pub struct PictureWork {
    /// Where the screen may have changed.
    pub damage: Damage,
    /// When the oldest of that damage was flushed.
    pub flushed: Option<Instant>,
    /// How many flushes it came from.
    pub flushes: u32,
    /// The newest input that a flush answered.
    pub answer: Option<Answer>,
}

impl Pending {
    /// Takes what a picture is to be made of.
    pub fn take_picture(&mut self) -> PictureWork {
        PictureWork {
            damage: std::mem::take(&mut self.damage),
            flushed: self.flushed.take(),
            flushes: std::mem::take(&mut self.flushes),
            answer: self.answer.take(),
        }
    }
}

/// A frame that the client acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Which.
    pub frame_id: u32,
    /// From when it came to the client until it was painted, as the client says.
    pub painting: Duration,
    /// When the message came.
    pub received: Instant,
}

/// What the client asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Frames acknowledged.
    pub acks: VecDeque<Ack>,
    /// Pings to return; the oldest go when there are too many.
    pub pings: VecDeque<u64>,
    /// A whole new picture.
    pub refresh: bool,
    /// Its video decoder failed.
    pub video_failed: bool,
    /// Everything as video, or not.
    pub video_only: Option<bool>,
    /// The picture's hashes whenever it is exact, or not.
    pub prove: Option<bool>,
    /// More screens than there can be.
    pub too_many_screens: bool,
}

impl Asked {
    /// Something that a viewer who shares its frames with others cannot have.
    pub fn wants_something_of_its_own(&self) -> bool {
        self.refresh || self.video_failed || self.video_only == Some(true) || self.prove == Some(true)
    }
}

/// One viewer's inbox: filled by the screen and by the viewer's reader, emptied by its writer.
#[derive(Debug)]
pub struct Subscription {
    viewer: u32,
    pending: Mutex<Pending>,
    wake: Condvar,
}

impl Subscription {
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
                pending.answer = Some(Answer { seq, received, reached, flushed: now });
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
    pub(crate) fn heard(&self, message: &Arc<[u8]>) -> u64 {
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
    pub(crate) fn deafen(&self) {
        self.pending.lock().audio.clear();
    }

    pub(crate) fn screen_closed(&self, reason: &str) {
        self.end(Ending::Stopped(reason.to_owned()));
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
    pub fn note_pointer(&self, x: u16, y: u16) {
        self.pending.lock().client_pointer = Some((x, y));
    }

    /// Where the client's pointer is, as fractions of the screen.
    pub fn noted_pointer(&self) -> Option<(u16, u16)> {
        self.pending.lock().client_pointer
    }

    /// The flush behind `answer` changed nothing: the one after it may be the answer, for a while.
    pub fn unanswered(&self, answer: Answer) {
        let mut pending = self.pending.lock();
        if pending.answer.is_some() || answer.reached.elapsed() >= ANSWER_PATIENCE {
            return;
        }
        match pending.flushed {
            Some(flushed) => pending.answer = Some(Answer { flushed, ..answer }),
            None => {
                pending.reached.get_or_insert((answer.seq, answer.received, answer.reached));
            }
        }
    }

    /// Has whoever waits look again.
    pub(crate) fn wake(&self) {
        self.change(|_| ());
    }

    /// Takes what a picture is to be made of.
    pub(crate) fn take_picture(&self) -> PictureWork {
        self.pending.lock().take_picture()
    }

    /// Ends the connection; the first reason stands.
    pub fn end(&self, ending: Ending) {
        self.change(|pending| {
            pending.ending.get_or_insert(ending);
        });
    }

    /// Whether the connection is to end.
    pub fn is_ending(&self) -> bool {
        self.pending.lock().ending.is_some()
    }

    /// Notes what the client asked for, and wakes the writer.
    pub fn ask(&self, note: impl FnOnce(&mut Asked)) {
        self.change(|pending| note(&mut pending.asked));
    }

    /// Puts something into the viewer's mail, and wakes the writer.
    pub fn post(&self, letter: impl FnOnce(&mut Mail)) {
        self.change(|pending| letter(&mut pending.mail));
    }

    /// Looks at the viewer's mail.
    pub fn look<R>(&self, look: impl FnOnce(&Mail) -> R) -> R {
        look(&self.pending.lock().mail)
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

/// What [`Subscription::wait`] is told.
#[derive(Debug)]
pub enum Wait<T> {
    /// This is the work.
    Take(T),
    /// Nothing until something changes.
    Forever,
    /// Nothing until something changes or this moment has come.
    Until(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_stays_bounded_and_covers_all() {
        let mut damage = Damage::default();
        for n in 0..100 {
            damage.add(Rect::new(n * 10, n * 7, 5, 5));
        }
        assert!(damage.rects().len() <= MAX_RECTS);
        for n in 0..100 {
            let rect = Rect::new(n * 10, n * 7, 5, 5);
            assert!(damage.rects().iter().any(|one| one.intersection(&rect) == rect), "{rect:?} was lost");
        }
    }

    #[test]
    fn a_flush_answers_the_newest_input_in_the_guest() {
        let subscription = Subscription::new(1);
        let start = Instant::now();
        subscription.input_received(1, start);
        subscription.input_received(2, start);
        subscription.flushed(Rect::new(0, 0, 1, 1), start);
        assert_eq!(subscription.pending.lock().answer, None);
        subscription.input_reached_guest(1, start);
        subscription.input_reached_guest(2, start);
        subscription.flushed(Rect::new(0, 0, 1, 1), start);
        let answer = subscription.pending.lock().answer.take().expect("the flush answers");
        assert_eq!(answer.seq, 2);

        subscription.pending.lock().flushed = None;
        subscription.unanswered(answer);
        assert_eq!(subscription.pending.lock().answer, None);
        subscription.flushed(Rect::new(0, 0, 1, 1), start);
        assert_eq!(subscription.pending.lock().answer.map(|one| one.seq), Some(2));
    }

    #[test]
    fn a_flush_while_the_writer_looks_in_vain_is_the_answer() {
        let subscription = Subscription::new(1);
        let start = Instant::now();
        let later = start + Duration::from_millis(5);
        subscription.flushed(Rect::new(0, 0, 1, 1), later);
        subscription.unanswered(Answer { seq: 3, received: start, reached: start, flushed: start });
        let answer = subscription.pending.lock().answer.expect("the flush answers");
        assert_eq!((answer.seq, answer.flushed), (3, later));
    }

    #[test]
    fn an_input_that_was_never_received_answers_nothing() {
        let subscription = Subscription::new(1);
        subscription.input_reached_guest(7, Instant::now());
        subscription.flushed(Rect::new(0, 0, 1, 1), Instant::now());
        assert_eq!(subscription.pending.lock().answer, None);
    }
}
