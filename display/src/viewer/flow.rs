//! What may be on its way to the client: frames and bytes.
//!
//! A frame more in flight keeps line and client busy; one too many waits somewhere, and is old when
//! it is seen. Bytes are bounded by what the line carries (see [`Line`]). Frames are bounded by what
//! the client paints: more while it paints them as fast as it ever did, fewer when they wait there.

use super::line::Line;
use crate::budget::Allowance;
use crate::company::Room;
use std::time::{Duration, Instant};

const LEAST: usize = 1;
/// On the shortest way; on a longer one as many more as are looked at meanwhile …
const MOST: usize = 3;
/// … up to here.
const MOST_FAR: usize = 8;
const START: usize = 2;

/// The screen is looked at this far apart at least, a little more than 60 times a second, unless an
/// input is answered: a guest that flushes without end costs no more.
const INTERVAL: Duration = Duration::from_millis(15);

/// Frames that took the client this much longer than the quickest had to wait there …
const QUEUED: Duration = Duration::from_millis(30);

/// … and those that took it no longer than this did not.
const CLEAR: Duration = Duration::from_millis(15);

/// A client that acknowledged nothing for this long does not show what comes: it is hidden, busy,
/// or its line is dead.
const SILENT: Duration = Duration::from_secs(1);

/// A piece of a file or of sound takes the line for so long at most.
const PIECE: Duration = Duration::from_millis(50);

/// A piece before anything is known of the line.
const FIRST_PIECE: usize = 4 * 1024;

/// Sound may wait behind so much in flight beside the window: longer, and it is no use.
const SOUND: Duration = Duration::from_millis(100);

/// Bytes beside the picture are covered by a frame without one after so many: what nobody
/// acknowledges could pile up unseen.
const UNCOVERED: u64 = 4 * 1024;

/// A line that carries so much with a frame, 5 Mbit/s, needs no frames of its own.
const FAST: u64 = 32 * 1024;

/// An acknowledgement of a frame that was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledgement of frame {0}, which was never sent")]
pub struct NeverSent(pub u32);

/// What is in flight.
#[derive(Debug)]
pub struct Flow {
    line: Line,
    limit: usize,
    last_id: u32,
    last_look: Option<Instant>,
    last_heard: Instant,
    /// What the client spent on the quickest of the recent frames.
    quickest: Option<Duration>,
    /// A frame could have been sent but for the limit, since the limit last changed.
    held_back: bool,
}

impl Flow {
    pub fn new(now: Instant) -> Self {
        Self {
            line: Line::new(now),
            limit: START,
            last_id: 0,
            last_look: None,
            last_heard: now,
            quickest: None,
            held_back: false,
        }
    }

    /// Whether a frame may be sent; asked only when there is one to send. `answers` an input: such a
    /// frame may go ahead of its time.
    pub fn has_credit(&mut self, answers: bool, now: Instant) -> bool {
        let pictures = self.line.pictures();
        if pictures == 0 && (answers || !self.line.must_drain(now)) {
            return true;
        }
        let ahead = usize::from(answers);
        let painting = pictures < self.limit + ahead;
        if !painting {
            self.held_back = true;
        }
        let ahead = self.line.window() + self.line.ahead();
        painting && (self.has_room(now) || (answers && self.line.in_flight() <= ahead))
    }

    /// Whether a frame of any size is soon over.
    pub fn is_fast(&self) -> bool {
        self.line.frame() >= FAST
    }

    /// What the next frame should have at most.
    pub fn allowance(&self, now: Instant) -> Allowance {
        let room = if self.line.must_drain(now) {
            0
        } else {
            self.line.window().saturating_sub(self.line.in_flight())
        };
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Allowance {
            frame: size(room.min(self.line.frame()).max(self.line.ahead())),
            motion: size(self.line.motion()),
        }
    }

    /// That, and how sure it is.
    pub fn room(&self, now: Instant) -> Room {
        Room { allowance: self.allowance(now), is_known: self.line.is_known() }
    }

    /// Nothing is sent now: if there is room nevertheless, the line is not what limits.
    pub fn rests(&mut self, now: Instant) {
        if self.line.must_drain(now) || self.has_room(now) {
            self.line.slack();
        }
    }

    /// When to look at the screen next, if no input is answered.
    pub fn not_before(&self) -> Option<Instant> {
        self.last_look.map(|look| look + INTERVAL)
    }

    /// The screen is looked at.
    pub fn looked(&mut self, now: Instant) {
        self.last_look = Some(now);
    }

    /// The number of the next frame.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// A message of so many bytes goes out.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.line.sent(bytes, now);
    }

    /// The frame numbered last went out, with something to paint or without.
    pub fn framed(&mut self, picture: bool, now: Instant) {
        self.line.framed(self.last_id, picture, now);
    }

    /// The client presented frame `id`, and with it those before it, `client` after it had come.
    ///
    /// # Errors
    /// When there never was such a frame.
    pub fn acknowledged(&mut self, id: u32, client: Duration, now: Instant) -> Result<(), NeverSent> {
        if id == 0 || id > self.last_id {
            return Err(NeverSent(id));
        }
        let pictures = self.line.pictures();
        self.line.acknowledged(id, client, now);
        self.last_heard = now;
        if self.line.pictures() < pictures {
            self.adapt(client);
        }
        Ok(())
    }

    fn adapt(&mut self, took: Duration) {
        // It creeps up, so that a client that became slower is learnt in time.
        let quickest = self.quickest.map_or(took, |quickest| took.min(quickest + quickest / 64));
        self.quickest = Some(quickest);
        let far = self.line.round_trip().as_micros() / INTERVAL.as_micros();
        let most = usize::try_from(far).unwrap_or(MOST_FAR).saturating_add(MOST).min(MOST_FAR);
        if (took > quickest * 2 + QUEUED && self.limit > LEAST) || self.limit > most {
            self.limit -= 1;
            self.held_back = false;
        } else if self.held_back && took < quickest + quickest / 2 + CLEAR && self.limit < most {
            self.limit += 1;
            self.held_back = false;
        }
    }

    /// Bytes of the next piece of contents.
    pub fn piece(&self) -> usize {
        let bytes = self
            .line
            .bytes_in(PIECE)
            .map_or(FIRST_PIECE, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let least = if self.line.is_known() { FIRST_PIECE / 4 } else { FIRST_PIECE };
        bytes.max(least)
    }

    /// Whether the line has room for a frame, or for a piece of contents beside the picture.
    pub fn has_room(&self, now: Instant) -> bool {
        !self.line.must_drain(now) && self.line.in_flight() + self.line.frame() / 2 <= self.line.window()
    }

    /// Whether sound sent now would come in time. A client that acknowledges nothing gets it as far
    /// as its socket is `drained`.
    pub fn has_room_for_sound(&self, drained: impl FnOnce() -> bool, now: Instant) -> bool {
        let late = self.line.bytes_in(SOUND).unwrap_or_default();
        self.line.in_flight() <= self.line.window() + late || (self.is_unheard(now) && drained())
    }

    /// Whether the client has left frames unacknowledged for so long that its socket alone tells its pace.
    pub fn is_unheard(&self, now: Instant) -> bool {
        let since = self.line.oldest().map(|sent| sent.max(self.last_heard));
        since.is_some_and(|since| now.saturating_duration_since(since) > SILENT)
    }

    /// Whether what was sent beside the picture is to be covered by a frame without one.
    pub fn wants_cover(&self) -> bool {
        let soon = self.line.bytes_in(PIECE).unwrap_or(UNCOVERED).clamp(UNCOVERED / 8, UNCOVERED);
        self.line.uncovered() >= soon && self.line.covers() < MOST_FAR
    }

    /// Whether a frame without a picture is to be sent to learn the round trip.
    pub fn wants_probe(&self, now: Instant) -> bool {
        self.line.is_stale(now) && !self.line.must_drain(now) && self.line.covers() == 0
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends small frames whenever there is credit, with the client painting each for `painting`;
    /// gives the limit reached.
    fn settle(flow: &mut Flow, mut now: Instant, painting: Duration, rounds: usize) -> (usize, Instant) {
        for _ in 0..rounds {
            while flow.has_credit(false, now) {
                flow.next_id();
                flow.sent(300, now);
                flow.framed(true, now);
            }
            flow.rests(now);
            now += 2 * MS + painting;
            flow.acknowledged(flow.last_id, painting, now).unwrap();
        }
        (flow.limit, now)
    }

    #[test]
    fn a_quick_client_gets_three_frames_and_one_where_they_wait_gets_one() {
        let start = Instant::now();
        let mut flow = Flow::new(start);
        let (limit, now) = settle(&mut flow, start, 8 * MS, 20);
        assert_eq!(limit, MOST);
        let (limit, now) = settle(&mut flow, now, 400 * MS, 4);
        assert_eq!(limit, LEAST);
        let (limit, _) = settle(&mut flow, now, 8 * MS, 20);
        assert_eq!(limit, MOST, "it recovers");
    }

    #[test]
    fn a_far_client_gets_more_frames_but_not_without_end() {
        let start = Instant::now();
        let mut flow = Flow::new(start);
        let mut now = start;
        for _ in 0..40 {
            while flow.has_credit(false, now) {
                flow.next_id();
                flow.sent(300, now);
                flow.framed(true, now);
            }
            flow.rests(now);
            now += 100 * MS;
            flow.acknowledged(flow.last_id, MS, now).unwrap();
        }
        assert_eq!(flow.limit, MOST_FAR);
    }

    #[test]
    fn without_acknowledgement_nothing_more_goes_out() {
        let now = Instant::now();
        let mut flow = Flow::new(now);
        for _ in 0..START {
            assert!(flow.has_credit(false, now));
            flow.next_id();
            flow.sent(300, now);
            flow.framed(true, now);
        }
        assert!(!flow.has_credit(false, now));
        assert!(flow.has_credit(true, now), "an answer goes ahead");
        flow.next_id();
        flow.sent(300, now);
        flow.framed(true, now);
        assert!(!flow.has_credit(true, now), "but only one");
        flow.acknowledged(1, MS, now).unwrap();
        flow.acknowledged(2, MS, now).unwrap();
        assert!(flow.has_credit(false, now));
        assert_eq!(flow.acknowledged(1, MS, now), Ok(()), "once more does no harm");
        assert_eq!(flow.acknowledged(4, MS, now), Err(NeverSent(4)));
        assert_eq!(flow.acknowledged(0, MS, now), Err(NeverSent(0)));
    }

    #[test]
    fn sound_on_a_line_that_carries_none_is_covered_and_then_held_back() {
        let now = Instant::now();
        let mut flow = Flow::new(now);
        let mut covers = 0;
        let mut sent = 0;
        while flow.has_room_for_sound(|| true, now) {
            flow.sent(160, now);
            sent += 160;
            if flow.wants_cover() {
                flow.next_id();
                flow.framed(false, now);
                covers += 1;
            }
            assert!(sent < 100_000, "it piles up");
        }
        assert!(covers > 0, "nobody would say when it came");
        assert!(flow.has_credit(false, now), "a frame may go nevertheless");
        assert!(flow.has_room_for_sound(|| true, now + 2 * SILENT), "a hidden page is heard still");
        assert!(!flow.has_room_for_sound(|| false, now + 2 * SILENT));
        flow.acknowledged(covers, MS, now + 300 * MS).unwrap();
        assert!(flow.has_room_for_sound(|| false, now + 300 * MS));
    }
}
