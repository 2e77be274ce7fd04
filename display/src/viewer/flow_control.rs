//! Flow control of one viewer: limits the frames and bytes in flight to the client.
//!
//! One frame more in flight keeps line and client busy; one too many waits in a queue and is outdated when
//! shown. [`BandwidthEstimator`] bounds the bytes. The frames are bounded by the client's painting time: more
//! while it stays short, fewer when frames queue at the client.

use super::bandwidth_estimator::BandwidthEstimator;
use crate::pipeline::frame_budget::Allowance;
use crate::shared_encode::MemberCapacity;
use std::time::{Duration, Instant};

/// Smallest limit of frames in flight.
const MIN_FRAMES: usize = 1;
/// Largest limit of frames in flight on a short round trip; a longer one adds a frame for each [`INTERVAL`] …
const MAX_FRAMES: usize = 3;
/// … up to this limit.
const MAX_FRAMES_LONG_RTT: usize = 8;
/// Limit of frames in flight at the start.
const INITIAL_FRAMES: usize = 2;

/// Shortest time between two frames that answer no input, a little more than 60 per second. It bounds the
/// cost of a guest that flushes continuously.
const INTERVAL: Duration = Duration::from_millis(15);

/// Excess of a frame's painting time, over twice the fastest, that means it queued at the client …
const CLIENT_QUEUED: Duration = Duration::from_millis(30);

/// … and excess over one and a half times the fastest below which it did not.
const CLIENT_IDLE: Duration = Duration::from_millis(15);

/// Time without acknowledgements after which a client is taken to present nothing: its page is hidden or
/// busy, or the line is dead.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest time that a chunk of a file or audio may take on the line.
const CHUNK_TIME: Duration = Duration::from_millis(50);

/// Size in bytes of a chunk before the line's rate is known.
const INITIAL_CHUNK: usize = 4 * 1024;

/// Delay of audio behind bytes in flight beyond the congestion window, above which it would arrive too late.
const AUDIO_LATENESS: Duration = Duration::from_millis(100);

/// Largest number of bytes beside the picture without a frame after them. Only frames are acknowledged, so
/// more could queue unnoticed.
const MAX_UNMARKED: u64 = 4 * 1024;

/// Size in bytes of a frame's time on the line (5 Mbit/s) from which a viewer may share an encode.
const FAST_LINK_FRAME: u64 = 32 * 1024;

/// Error of an acknowledgement for a frame number that was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledgement of frame {0}, which was never sent")]
pub struct NeverSent(pub u32);

/// State of one viewer's flow control.
#[derive(Debug)]
pub struct FlowControl {
    bandwidth: BandwidthEstimator,
    /// Present limit of frames in flight.
    limit: usize,
    /// Number of the last frame; 0 before the first.
    last_id: u32,
    /// Start of the last comparison of the screen.
    last_frame_started: Option<Instant>,
    /// Time of the last acknowledgement, or of creation.
    last_ack: Instant,
    /// Painting time of the fastest recent frame.
    fastest: Option<Duration>,
    /// True if the limit alone has held a frame back since the limit last changed.
    limited: bool,
}

impl FlowControl {
    /// Creates flow control for a new connection, with an unknown line.
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

    /// Reports whether a frame may be sent; called only when there is one to send. A frame that `answers` an
    /// input may exceed the limits a little.
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

    /// Reports whether the line carries at least 5 Mbit/s, so that any frame is sent soon.
    pub fn is_fast(&self) -> bool {
        self.bandwidth.frame() >= FAST_LINK_FRAME
    }

    /// Returns the byte limits of the next frame.
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

    /// Returns the byte limits of the next frame, and whether the line's rate is known.
    pub fn capacity(&self, now: Instant) -> MemberCapacity {
        MemberCapacity { allowance: self.allowance(now), is_known: self.bandwidth.is_known() }
    }

    /// Records that nothing is sent now: if there is room, the application limits the rate, not the line.
    pub fn note_idle(&mut self, now: Instant) {
        if self.bandwidth.must_drain(now) || self.has_room(now) {
            self.bandwidth.mark_app_limited();
        }
    }

    /// Returns the earliest time of the next frame that answers no input; `None` before the first frame.
    pub fn next_frame_at(&self) -> Option<Instant> {
        self.last_frame_started.map(|look| look + INTERVAL)
    }

    /// Records the start of a comparison of the screen.
    pub fn frame_started(&mut self, now: Instant) {
        self.last_frame_started = Some(now);
    }

    /// Allocates the number of the next frame; never 0.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// Records a message of `bytes` bytes that is handed to the socket.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.bandwidth.sent(bytes, now);
    }

    /// Records that the last bytes sent complete the frame numbered last; `picture` is false for a frame
    /// without updates.
    pub fn frame_sent(&mut self, picture: bool, now: Instant) {
        self.bandwidth.frame_sent(self.last_id, picture, now);
    }

    /// Processes the acknowledgement of frame `id` and of those before it. `client` is the time from the
    /// frame's arrival until it was presented.
    ///
    /// # Errors
    /// When no frame of this number was sent.
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

    /// Adjusts the limit of frames in flight by the painting time of an acknowledged frame.
    fn adapt(&mut self, took: Duration) {
        // The fastest time rises slowly, so that a client that became slower is noticed.
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

    /// Returns the size in bytes of the next chunk of a transfer.
    pub fn chunk_size(&self) -> usize {
        let bytes = self
            .bandwidth
            .bytes_in(CHUNK_TIME)
            .map_or(INITIAL_CHUNK, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let least = if self.bandwidth.is_known() { INITIAL_CHUNK / 4 } else { INITIAL_CHUNK };
        bytes.max(least)
    }

    /// Reports whether the congestion window has room for half a frame, and thus for a chunk of a transfer.
    pub fn has_room(&self, now: Instant) -> bool {
        !self.bandwidth.must_drain(now)
            && self.bandwidth.in_flight() + self.bandwidth.frame() / 2 <= self.bandwidth.congestion_window()
    }

    /// Reports whether audio sent now would arrive in time. For a client that acknowledges nothing, a
    /// `drained` socket is enough.
    pub fn has_room_for_audio(&self, drained: impl FnOnce() -> bool, now: Instant) -> bool {
        let late = self.bandwidth.bytes_in(AUDIO_LATENESS).unwrap_or_default();
        self.bandwidth.in_flight() <= self.bandwidth.congestion_window() + late
            || (self.is_silent(now) && drained())
    }

    /// Reports whether the client has left frames unacknowledged for a second, so that only the socket's
    /// buffer shows its pace.
    pub fn is_silent(&self, now: Instant) -> bool {
        let since = self.bandwidth.oldest().map(|sent| sent.max(self.last_ack));
        since.is_some_and(|since| now.saturating_duration_since(since) > SILENCE_TIMEOUT)
    }

    /// Reports whether bytes beside the picture should be followed by an empty frame, whose acknowledgement
    /// covers them.
    pub fn wants_empty_frame(&self) -> bool {
        let soon =
            self.bandwidth.bytes_in(CHUNK_TIME).unwrap_or(MAX_UNMARKED).clamp(MAX_UNMARKED / 8, MAX_UNMARKED);
        self.bandwidth.unmarked_bytes() >= soon && self.bandwidth.empty_frames() < MAX_FRAMES_LONG_RTT
    }

    /// Reports whether an empty frame should be sent to measure the round trip.
    pub fn wants_probe(&self, now: Instant) -> bool {
        self.bandwidth.is_stale(now) && !self.bandwidth.must_drain(now) && self.bandwidth.empty_frames() == 0
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends small frames whenever there is credit, with the client painting each for `painting`; returns the
    /// limit reached and the time.
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
        assert!(covers > 0, "nothing would acknowledge it");
        assert!(flow.has_credit(false, now), "a frame may go nevertheless");
        assert!(flow.has_room_for_audio(|| true, now + 2 * SILENCE_TIMEOUT), "a hidden page is heard still");
        assert!(!flow.has_room_for_audio(|| false, now + 2 * SILENCE_TIMEOUT));
        flow.acknowledged(covers, MS, now + 300 * MS).unwrap();
        assert!(flow.has_room_for_audio(|| false, now + 300 * MS));
    }
}
