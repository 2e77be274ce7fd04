//! What may be on its way to the client: frames and bytes.
//!
//! A frame more in flight keeps line and client busy; one too many waits somewhere, and is old when
//! it is seen. Bytes are bounded by what the line carries (see [`BandwidthEstimator`]). Frames are bounded by what
//! the client paints: more while it paints them as fast as it ever did, fewer when they wait there.

use super::bandwidth_estimator::BandwidthEstimator;
use crate::pipeline::frame_budget::Allowance;
use crate::shared_encode::MemberCapacity;
use std::time::{Duration, Instant};

const MIN_FRAMES: usize = 1;
/// On the shortest way; on a longer one as many more as are looked at meanwhile …
const MAX_FRAMES: usize = 3;
/// … up to here.
const MAX_FRAMES_LONG_RTT: usize = 8;
const INITIAL_FRAMES: usize = 2;

/// The screen is looked at this far apart at least, a little more than 60 times a second, unless an
/// input is answered: a guest that flushes without end costs no more.
const INTERVAL: Duration = Duration::from_millis(15);

/// Frames that took the client this much longer than the quickest had to wait there …
const CLIENT_QUEUED: Duration = Duration::from_millis(30);

/// … and those that took it no longer than this did not.
const CLIENT_IDLE: Duration = Duration::from_millis(15);

/// A client that acknowledged nothing for this long does not show what comes: it is hidden, busy,
/// or its line is dead.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(1);

/// A piece of a file or of sound takes the line for so long at most.
const CHUNK_TIME: Duration = Duration::from_millis(50);

/// A piece before anything is known of the line.
const INITIAL_CHUNK: usize = 4 * 1024;

/// Sound may wait behind so much in flight beside the window: longer, and it is no use.
const AUDIO_LATENESS: Duration = Duration::from_millis(100);

/// Bytes beside the picture are covered by a frame without one after so many: what nobody
/// acknowledges could pile up unseen.
const MAX_UNMARKED: u64 = 4 * 1024;

/// A line that carries so much with a frame, 5 Mbit/s, needs no frames of its own.
const FAST_LINK_FRAME: u64 = 32 * 1024;

/// An acknowledgement of a frame that was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledgement of frame {0}, which was never sent")]
pub struct NeverSent(pub u32);

/// What is in flight.
#[derive(Debug)]
pub struct FlowControl {
    bandwidth: BandwidthEstimator,
    limit: usize,
    last_id: u32,
    last_frame_started: Option<Instant>,
    last_ack: Instant,
    /// What the client spent on the quickest of the recent frames.
    fastest: Option<Duration>,
    /// A frame could have been sent but for the limit, since the limit last changed.
    limited: bool,
}

impl FlowControl {
    pub fn new(now: Instant) -> Self {
        Self {
            bandwidth: BandwidthEstimator::new(now),
            limit: INITIAL_FRAMES,
            last_id: 0,
            last_frame_started: None,
            last_ack: now,
            fastest: None,
            limited: false,
        }
    }

    /// Whether a frame may be sent; asked only when there is one to send. `answers` an input: such a
    /// frame may go ahead of its time.
    pub fn has_credit(&mut self, answers: bool, now: Instant) -> bool {
        let pictures = self.bandwidth.update_frames();
        if pictures == 0 && (answers || !self.bandwidth.must_drain(now)) {
            return true;
        }
        let ahead = usize::from(answers);
        let painting = pictures < self.limit + ahead;
        if !painting {
            self.limited = true;
        }
        let ahead = self.bandwidth.congestion_window() + self.bandwidth.input_headroom();
        painting && (self.has_room(now) || (answers && self.bandwidth.in_flight() <= ahead))
    }

    /// Whether a frame of any size is soon over.
    pub fn is_fast(&self) -> bool {
        self.bandwidth.frame() >= FAST_LINK_FRAME
    }

    /// What the next frame should have at most.
    pub fn allowance(&self, now: Instant) -> Allowance {
        let room = if self.bandwidth.must_drain(now) {
            0
        } else {
            self.bandwidth.congestion_window().saturating_sub(self.bandwidth.in_flight())
        };
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Allowance {
            frame: size(room.min(self.bandwidth.frame()).max(self.bandwidth.input_headroom())),
            motion: size(self.bandwidth.motion()),
        }
    }

    /// That, and how sure it is.
    pub fn capacity(&self, now: Instant) -> MemberCapacity {
        MemberCapacity { allowance: self.allowance(now), is_known: self.bandwidth.is_known() }
    }

    /// Nothing is sent now: if there is room nevertheless, the line is not what limits.
    pub fn note_idle(&mut self, now: Instant) {
        if self.bandwidth.must_drain(now) || self.has_room(now) {
            self.bandwidth.mark_app_limited();
        }
    }

    /// When to look at the screen next, if no input is answered.
    pub fn next_frame_at(&self) -> Option<Instant> {
        self.last_frame_started.map(|look| look + INTERVAL)
    }

    /// The screen is looked at.
    pub fn frame_started(&mut self, now: Instant) {
        self.last_frame_started = Some(now);
    }

    /// The number of the next frame.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// A message of so many bytes goes out.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.bandwidth.sent(bytes, now);
    }

    /// The frame numbered last went out, with something to paint or without.
    pub fn frame_sent(&mut self, picture: bool, now: Instant) {
        self.bandwidth.frame_sent(self.last_id, picture, now);
    }

    /// The client presented frame `id`, and with it those before it, `client` after it had come.
    ///
    /// # Errors
    /// When there never was such a frame.
    pub fn acknowledged(&mut self, id: u32, client: Duration, now: Instant) -> Result<(), NeverSent> {
        if id == 0 || id > self.last_id {
            return Err(NeverSent(id));
        }
        let pictures = self.bandwidth.update_frames();
        self.bandwidth.acknowledged(id, client, now);
        self.last_ack = now;
        if self.bandwidth.update_frames() < pictures {
            self.adapt(client);
        }
        Ok(())
    }

    fn adapt(&mut self, took: Duration) {
        // It creeps up, so that a client that became slower is learnt in time.
        let fastest = self.fastest.map_or(took, |fastest| took.min(fastest + fastest / 64));
        self.fastest = Some(fastest);
        let far = self.bandwidth.round_trip().as_micros() / INTERVAL.as_micros();
        let most = usize::try_from(far)
            .unwrap_or(MAX_FRAMES_LONG_RTT)
            .saturating_add(MAX_FRAMES)
            .min(MAX_FRAMES_LONG_RTT);
        if (took > fastest * 2 + CLIENT_QUEUED && self.limit > MIN_FRAMES) || self.limit > most {
            self.limit -= 1;
            self.limited = false;
        } else if self.limited && took < fastest + fastest / 2 + CLIENT_IDLE && self.limit < most {
            self.limit += 1;
            self.limited = false;
        }
    }

    /// Bytes of the next piece of contents.
    pub fn chunk_size(&self) -> usize {
        let bytes = self
            .bandwidth
            .bytes_in(CHUNK_TIME)
            .map_or(INITIAL_CHUNK, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let least = if self.bandwidth.is_known() { INITIAL_CHUNK / 4 } else { INITIAL_CHUNK };
        bytes.max(least)
    }

    /// Whether the line has room for a frame, or for a piece of contents beside the picture.
    pub fn has_room(&self, now: Instant) -> bool {
        !self.bandwidth.must_drain(now)
            && self.bandwidth.in_flight() + self.bandwidth.frame() / 2 <= self.bandwidth.congestion_window()
    }

    /// Whether sound sent now would come in time. A client that acknowledges nothing gets it as far
    /// as its socket is `drained`.
    pub fn has_room_for_audio(&self, drained: impl FnOnce() -> bool, now: Instant) -> bool {
        let late = self.bandwidth.bytes_in(AUDIO_LATENESS).unwrap_or_default();
        self.bandwidth.in_flight() <= self.bandwidth.congestion_window() + late
            || (self.is_silent(now) && drained())
    }

    /// Whether the client has left frames unacknowledged for so long that its socket alone tells its pace.
    pub fn is_silent(&self, now: Instant) -> bool {
        let since = self.bandwidth.oldest().map(|sent| sent.max(self.last_ack));
        since.is_some_and(|since| now.saturating_duration_since(since) > SILENCE_TIMEOUT)
    }

    /// Whether what was sent beside the picture is to be covered by a frame without one.
    pub fn wants_empty_frame(&self) -> bool {
        let soon =
            self.bandwidth.bytes_in(CHUNK_TIME).unwrap_or(MAX_UNMARKED).clamp(MAX_UNMARKED / 8, MAX_UNMARKED);
        self.bandwidth.unmarked_bytes() >= soon && self.bandwidth.empty_frames() < MAX_FRAMES_LONG_RTT
    }

    /// Whether a frame without a picture is to be sent to learn the round trip.
    pub fn wants_probe(&self, now: Instant) -> bool {
        self.bandwidth.is_stale(now) && !self.bandwidth.must_drain(now) && self.bandwidth.empty_frames() == 0
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends small frames whenever there is credit, with the client painting each for `painting`;
    /// gives the limit reached.
    fn settle(
        flow: &mut FlowControl,
        mut now: Instant,
        painting: Duration,
        rounds: usize,
    ) -> (usize, Instant) {
        for _ in 0..rounds {
            while flow.has_credit(false, now) {
                flow.next_id();
                flow.sent(300, now);
                flow.frame_sent(true, now);
            }
            flow.note_idle(now);
            now += 2 * MS + painting;
            flow.acknowledged(flow.last_id, painting, now).unwrap();
        }
        (flow.limit, now)
    }

    #[test]
    fn a_quick_client_gets_three_frames_and_one_where_they_wait_gets_one() {
        let start = Instant::now();
        let mut flow = FlowControl::new(start);
        let (limit, now) = settle(&mut flow, start, 8 * MS, 20);
        assert_eq!(limit, MAX_FRAMES);
        let (limit, now) = settle(&mut flow, now, 400 * MS, 4);
        assert_eq!(limit, MIN_FRAMES);
        let (limit, _) = settle(&mut flow, now, 8 * MS, 20);
        assert_eq!(limit, MAX_FRAMES, "it recovers");
    }

    #[test]
    fn a_far_client_gets_more_frames_but_not_without_end() {
        let start = Instant::now();
        let mut flow = FlowControl::new(start);
        let mut now = start;
        for _ in 0..40 {
            while flow.has_credit(false, now) {
                flow.next_id();
                flow.sent(300, now);
                flow.frame_sent(true, now);
            }
            flow.note_idle(now);
            now += 100 * MS;
            flow.acknowledged(flow.last_id, MS, now).unwrap();
        }
        assert_eq!(flow.limit, MAX_FRAMES_LONG_RTT);
    }

    #[test]
    fn without_acknowledgement_nothing_more_goes_out() {
        let now = Instant::now();
        let mut flow = FlowControl::new(now);
        for _ in 0..INITIAL_FRAMES {
            assert!(flow.has_credit(false, now));
            flow.next_id();
            flow.sent(300, now);
            flow.frame_sent(true, now);
        }
        assert!(!flow.has_credit(false, now));
        assert!(flow.has_credit(true, now), "an answer goes ahead");
        flow.next_id();
        flow.sent(300, now);
        flow.frame_sent(true, now);
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
        let mut flow = FlowControl::new(now);
        let mut covers = 0;
        let mut sent = 0;
        while flow.has_room_for_audio(|| true, now) {
            flow.sent(160, now);
            sent += 160;
            if flow.wants_empty_frame() {
                flow.next_id();
                flow.frame_sent(false, now);
                covers += 1;
            }
            assert!(sent < 100_000, "it piles up");
        }
        assert!(covers > 0, "nobody would say when it came");
        assert!(flow.has_credit(false, now), "a frame may go nevertheless");
        assert!(flow.has_room_for_audio(|| true, now + 2 * SILENCE_TIMEOUT), "a hidden page is heard still");
        assert!(!flow.has_room_for_audio(|| false, now + 2 * SILENCE_TIMEOUT));
        flow.acknowledged(covers, MS, now + 300 * MS).unwrap();
        assert!(flow.has_room_for_audio(|| false, now + 300 * MS));
    }
}
