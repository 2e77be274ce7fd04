//! Bandwidth estimator: measures the rate and round trip of the line to a client by acknowledgements alone,
//! and derives the congestion window.
//!
//! A byte is in flight from the socket until a frame sent after it is acknowledged. The rate is the largest
//! delivery rate of the last second, each measured as in BBR (draft-cheng-iccrg-delivery-rate-estimation):
//! the bytes delivered between a frame's sending and its acknowledgement, divided by the longer of the
//! sending and delivery times. The largest counts, because stalls and a busy client only make deliveries look
//! slower. The client's time for decoding and painting, as the client reports it, is subtracted.
//!
//! The congestion window is what the line carries in a round trip plus [`QUEUE_TARGET`]. A line that becomes
//! faster is thus filled more, round by round, and the queue in routers and kernels stays bounded.

use super::min_rtt::MinRtt;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Congestion window in bytes before the line is known. TCP starts with 10 packets (RFC 6928); this is 110 ms
/// of a line of 1 Mbit/s.
const INITIAL_WINDOW: u64 = 14 * 1024;

/// Length of the queue permitted at the line's bottleneck, as time …
const QUEUE_TARGET: Duration = Duration::from_millis(60);

/// … and the additional queue permitted for frames that answer an input.
const INPUT_HEADROOM: Duration = Duration::from_millis(25);

/// Time on the line that sets the size of a frame …
const FRAME_TIME: Duration = Duration::from_millis(50);

/// … but not below this size in bytes, enough for the echo of a key.
const MIN_FRAME: u64 = 2 * 1024;

/// Time on the line that sets the bytes of video in a frame, of which video gets three quarters and other
/// changes the rest. At twelve pictures a second it still moves.
const VIDEO_TIME: Duration = Duration::from_millis(80);

/// Time for which delivery rates are kept.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Shortest delivery time assumed, because clocks and threads are not exact.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// Largest rate assumed, in bytes per second.
const MAX_RATE: f64 = 1e9;

/// Estimator of one client's line.
#[derive(Debug)]
pub struct BandwidthEstimator {
    /// Number of bytes handed to the socket so far.
    sent: u64,
    /// Number of those bytes that were acknowledged.
    delivered: u64,
    /// Time at which the newest acknowledged bytes arrived.
    delivered_at: Instant,
    /// Time at which the frame acknowledged last was sent.
    first_sent: Instant,
    /// Count of sent bytes up to which the line was not filled, so that deliveries may underestimate it.
    app_limited_until: Option<u64>,
    /// Frames in flight, oldest first.
    frames: VecDeque<SentFrame>,
    /// Delivery rates in bytes per second with their times, in falling order.
    rates: VecDeque<(Instant, f64)>,
    /// True once the line was filled, so that the rate is the line's and not just a lower bound.
    filled: bool,
    /// First and last time of the present period in which the line was filled.
    loaded: Option<(Instant, Instant)>,
    min_rtt: MinRtt,
}

/// Frame in flight, with the state of the estimator when the frame was sent.
#[derive(Debug, Clone, Copy)]
struct SentFrame {
    id: u32,
    /// True for a frame with updates to paint.
    picture: bool,
    /// Bytes sent up to and including this frame.
    sent: u64,
    /// Time at which the frame was sent.
    sent_at: Instant,
    /// Bytes acknowledged when the frame was sent.
    delivered: u64,
    /// Arrival time of those bytes.
    delivered_at: Instant,
    /// Time at which the frame acknowledged last was sent, then.
    first_sent: Instant,
    /// True if the line was not filled then.
    app_limited: bool,
    /// Bytes in flight, including this frame.
    together: u64,
}

impl BandwidthEstimator {
    /// Creates an estimator that knows nothing of the line.
    pub fn new(now: Instant) -> Self {
        Self {
            sent: 0,
            delivered: 0,
            delivered_at: now,
            first_sent: now,
            app_limited_until: Some(0),
            frames: VecDeque::new(),
            rates: VecDeque::new(),
            filled: false,
            loaded: None,
            min_rtt: MinRtt::default(),
        }
    }

    /// Records bytes handed to the socket.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        if self.in_flight() == 0 {
            self.delivered_at = now;
            self.first_sent = now;
        }
        self.sent += bytes as u64;
    }

    /// Records that the bytes sent last complete frame `id`, whose acknowledgement covers all bytes sent so
    /// far. `picture` is false for an empty frame.
    pub fn frame_sent(&mut self, id: u32, picture: bool, now: Instant) {
        self.frames.push_back(SentFrame {
            id,
            picture,
            sent: self.sent,
            sent_at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            // A frame that fills the line alone measures the line.
            app_limited: self.app_limited_until.is_some()
                && (!self.filled || self.in_flight() < self.congestion_window() / 2),
            together: self.in_flight(),
        });
    }

    /// Processes the acknowledgement of frame `id` and of those before it. `client` is the client's time from
    /// arrival to presentation. A repeated acknowledgement has no effect.
    pub fn acknowledged(&mut self, id: u32, client: Duration, now: Instant) {
        let mut newest = None;
        while let Some(frame) = self.frames.front().copied().filter(|frame| frame.id <= id) {
            self.frames.pop_front();
            newest = Some(frame);
        }
        let Some(frame) = newest else { return };
        let arrived = now.checked_sub(client).unwrap_or(now).max(frame.sent_at).max(self.delivered_at);
        self.delivered = frame.sent;
        self.delivered_at = arrived;
        self.first_sent = frame.sent_at;
        if self.app_limited_until.is_some_and(|until| self.delivered > until) {
            self.app_limited_until = None;
        }
        let sending = frame.sent_at.saturating_duration_since(frame.first_sent);
        let delivering = arrived.saturating_duration_since(frame.delivered_at);
        let took = sending.max(delivering).max(MIN_INTERVAL);
        let rate = (frame.sent - frame.delivered) as f64 / took.as_secs_f64();
        self.learn(rate.min(MAX_RATE), frame.app_limited, now);
        let alone = self.is_negligible(frame.together);
        self.min_rtt.took(arrived.saturating_duration_since(frame.sent_at), alone, now);
    }

    /// Adds a delivery rate to the window; a rate limited by the application only counts if it raises the
    /// maximum.
    fn learn(&mut self, rate: f64, app_limited: bool, now: Instant) {
        let known = self.rate().unwrap_or_default();
        if app_limited && rate <= known {
            return;
        }
        if !app_limited {
            // After a pause the older rates count for another period, since the first delivery may be a
            // stall.
            if self.loaded.is_none_or(|(_, last)| now.saturating_duration_since(last) > RATE_WINDOW) {
                self.loaded = Some((now, now));
            }
            self.loaded = self.loaded.map(|(since, _)| (since, now));
            self.filled = true;
        }
        let since = self.loaded.map_or(now, |(since, _)| since);
        while self.rates.back().is_some_and(|(_, before)| *before <= rate) {
            self.rates.pop_back();
        }
        self.rates.push_back((now, rate));
        while self.rates.len() > 1
            && self
                .rates
                .front()
                .is_some_and(|(then, _)| now.saturating_duration_since(since.max(*then)) > RATE_WINDOW)
        {
            self.rates.pop_front();
        }
    }

    /// Records that there was room on the line and nothing to send.
    pub fn mark_app_limited(&mut self) {
        self.app_limited_until = Some(self.sent);
    }

    /// Returns the number of bytes in flight.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.delivered
    }

    /// Returns the number of frames in flight that have updates.
    pub fn update_frames(&self) -> usize {
        self.frames.iter().filter(|frame| frame.picture).count()
    }

    /// Returns the number of empty frames in flight.
    pub fn empty_frames(&self) -> usize {
        self.frames.len() - self.update_frames()
    }

    /// Returns the time at which the oldest frame in flight was sent; `None` without any.
    pub fn oldest(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.sent_at)
    }

    /// Returns the number of bytes sent after the last frame, which no acknowledgement will cover.
    pub fn unmarked_bytes(&self) -> u64 {
        self.sent - self.frames.back().map_or(self.delivered, |frame| frame.sent)
    }

    /// Reports whether the line was ever filled; before, the rate is only a lower bound.
    pub fn is_known(&self) -> bool {
        self.filled
    }

    /// Returns the rate in bytes per second; `None` before the first acknowledgement.
    pub fn rate(&self) -> Option<f64> {
        self.rates.front().map(|(_, rate)| *rate)
    }

    /// Returns the shortest recent round trip; zero before the first acknowledgement.
    pub fn round_trip(&self) -> Duration {
        self.min_rtt.shortest().unwrap_or_default()
    }

    /// Reports whether nothing should be sent until little is in flight, so that the round trip can be
    /// measured without a queue.
    pub fn must_drain(&self, now: Instant) -> bool {
        self.is_stale(now) && !self.is_negligible(self.in_flight())
    }

    /// Reports whether the measured round trip may include a queue.
    pub fn is_stale(&self, now: Instant) -> bool {
        self.min_rtt.is_stale(now)
    }

    /// Returns the number of bytes that may be in flight.
    pub fn congestion_window(&self) -> u64 {
        let round_trip = self.round_trip();
        self.or_initial(round_trip + QUEUE_TARGET.max(round_trip / 4)).max(MIN_FRAME)
    }

    /// Returns the intended largest size of a frame in bytes.
    pub fn frame(&self) -> u64 {
        self.or_initial(FRAME_TIME).max(MIN_FRAME)
    }

    /// Returns the bytes of video per frame for continuous motion.
    pub fn motion(&self) -> u64 {
        self.or_initial(VIDEO_TIME).max(MIN_FRAME) * 3 / 4
    }

    /// Returns the bytes by which a frame that answers an input may exceed [`Self::congestion_window`].
    pub fn input_headroom(&self) -> u64 {
        self.bytes_in(INPUT_HEADROOM).unwrap_or(MIN_FRAME).max(MIN_FRAME)
    }

    /// Returns the bytes that the line carries in `time`; `None` before the first acknowledgement.
    pub fn bytes_in(&self, time: Duration) -> Option<u64> {
        self.rate().map(|rate| (rate * time.as_secs_f64()) as u64)
    }

    /// Returns the bytes that the line carries in `time`, at least [`INITIAL_WINDOW`] until the line was
    /// filled once.
    fn or_initial(&self, time: Duration) -> u64 {
        match self.bytes_in(time) {
            Some(bytes) if self.filled => bytes,
            bytes => bytes.unwrap_or_default().max(INITIAL_WINDOW),
        }
    }

    /// Reports whether so few bytes in flight hardly affect a measured round trip.
    fn is_negligible(&self, bytes: u64) -> bool {
        let nothing = self.bytes_in(QUEUE_TARGET / 2).unwrap_or_default();
        bytes <= if self.filled { nothing } else { nothing.max(MIN_FRAME) }
    }
}

#[cfg(test)]
mod tests;
