//! What the line to a client carries, learnt from acknowledgements alone.
//!
//! Every byte handed to the socket is in flight until a frame sent after it is acknowledged. The
//! rate is the largest delivery rate of the last second, each taken as in BBR
//! (draft-cheng-iccrg-delivery-rate-estimation): what was delivered between the sending of a frame
//! and its acknowledgement, by the longer of the times that sending and delivering took. The largest,
//! because stalls and a busy client only ever make a delivery look slower than the line is. What the
//! client spent on decoding and painting is no part of the line, and taken off as it says.
//!
//! As many bytes may be in flight as the line carries in a round trip and [`QUEUE_TARGET`]: so a line that
//! became faster is filled faster than before, and shows it, round by round, and no more than that
//! ever waits in routers and kernels.

use super::min_rtt::MinRtt;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// In flight at most before anything is known of the line: TCP starts with 10 packets (RFC 6928),
/// this is 110 ms of a line of 1 Mbit/s.
const INITIAL_WINDOW: u64 = 14 * 1024;

/// What may wait in front of the line's narrowest part, in time …
const QUEUE_TARGET: Duration = Duration::from_millis(60);

/// … and the share of a frame that an input waits for: it may wait in addition to that.
const INPUT_HEADROOM: Duration = Duration::from_millis(25);

/// A frame is as large as the line carries in this time …
const FRAME_TIME: Duration = Duration::from_millis(50);

/// … but no smaller than this, on the slowest lines: a key's echo and more.
const MIN_FRAME: u64 = 2 * 1024;

/// Video may take longer: at twelve pictures a second it still moves. Of that it gets three quarters,
/// the rest is for what changes beside it.
const VIDEO_TIME: Duration = Duration::from_millis(80);

/// Delivery rates are remembered for so long.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Shorter deliveries are timed as if they had taken so long: clocks and threads are not exact.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// No line is taken to be faster, in bytes per second.
const MAX_RATE: f64 = 1e9;

/// The line of one client.
#[derive(Debug)]
pub struct BandwidthEstimator {
    /// Bytes handed to the socket so far.
    sent: u64,
    /// Bytes of them acknowledged.
    delivered: u64,
    /// When the newest of those arrived.
    delivered_at: Instant,
    /// When the frame acknowledged last was sent.
    first_sent: Instant,
    /// What was sent up to here did not fill the line: how fast it came tells little.
    app_limited_until: Option<u64>,
    frames: VecDeque<SentFrame>,
    /// Delivery rates in bytes per second, falling.
    rates: VecDeque<(Instant, f64)>,
    /// The line was filled: the rate is its own, and not just the least that it does.
    filled: bool,
    /// Since when it was filled, and when it was so last.
    loaded: Option<(Instant, Instant)>,
    min_rtt: MinRtt,
}

/// A frame in flight, and how things stood when it was sent.
#[derive(Debug, Clone, Copy)]
struct SentFrame {
    id: u32,
    /// It is something to paint.
    picture: bool,
    /// All bytes sent, its own included.
    sent: u64,
    sent_at: Instant,
    delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    app_limited: bool,
    /// Bytes in flight with it.
    together: u64,
}

impl BandwidthEstimator {
    /// A line that nothing is known of.
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

    /// So many bytes are handed to the socket.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        if self.in_flight() == 0 {
            self.delivered_at = now;
            self.first_sent = now;
        }
        self.sent += bytes as u64;
    }

    /// What was sent last ends frame `id`: its acknowledgement covers all that was sent so far.
    /// `picture` is false for one that shows nothing.
    pub fn frame_sent(&mut self, id: u32, picture: bool, now: Instant) {
        self.frames.push_back(SentFrame {
            id,
            picture,
            sent: self.sent,
            sent_at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            // A frame that alone is enough for the line shows what that is.
            app_limited: self.app_limited_until.is_some()
                && (!self.filled || self.in_flight() < self.congestion_window() / 2),
            together: self.in_flight(),
        });
    }

    /// Frame `id` and those before it were acknowledged; `client` is what the client spent on it
    /// after it had come. One that was acknowledged before does nothing.
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

    fn learn(&mut self, rate: f64, app_limited: bool, now: Instant) {
        let known = self.rate().unwrap_or_default();
        if app_limited && rate <= known {
            return;
        }
        if !app_limited {
            // After a pause what was known before counts for as long again: the first may be a stall.
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

    /// There is room on the line, and nothing to fill it with.
    pub fn mark_app_limited(&mut self) {
        self.app_limited_until = Some(self.sent);
    }

    /// Bytes on their way.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.delivered
    }

    /// Frames on their way that show something.
    pub fn update_frames(&self) -> usize {
        self.frames.iter().filter(|frame| frame.picture).count()
    }

    /// Frames on their way that show nothing.
    pub fn empty_frames(&self) -> usize {
        self.frames.len() - self.update_frames()
    }

    /// When the oldest of the frames on their way was sent.
    pub fn oldest(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.sent_at)
    }

    /// Bytes that no frame on its way covers: nobody will say when they have come.
    pub fn unmarked_bytes(&self) -> u64 {
        self.sent - self.frames.back().map_or(self.delivered, |frame| frame.sent)
    }

    /// Whether it was ever filled; otherwise its rate is just the least that it does.
    pub fn is_known(&self) -> bool {
        self.filled
    }

    /// Bytes per second; `None` before anything was acknowledged.
    pub fn rate(&self) -> Option<f64> {
        self.rates.front().map(|(_, rate)| *rate)
    }

    /// The shortest round trip of late; zero before anything was acknowledged.
    pub fn round_trip(&self) -> Duration {
        self.min_rtt.shortest().unwrap_or_default()
    }

    /// Whether it is time to let the line run dry, so that the round trip shows without a queue.
    pub fn must_drain(&self, now: Instant) -> bool {
        self.is_stale(now) && !self.is_negligible(self.in_flight())
    }

    /// Whether what is known of the round trip may well have a queue in it.
    pub fn is_stale(&self, now: Instant) -> bool {
        self.min_rtt.is_stale(now)
    }

    /// Bytes that may be in flight.
    pub fn congestion_window(&self) -> u64 {
        let round_trip = self.round_trip();
        self.or_initial(round_trip + QUEUE_TARGET.max(round_trip / 4)).max(MIN_FRAME)
    }

    /// Bytes of a frame.
    pub fn frame(&self) -> u64 {
        self.or_initial(FRAME_TIME).max(MIN_FRAME)
    }

    /// Bytes of video in a frame, where it never ends.
    pub fn motion(&self) -> u64 {
        self.or_initial(VIDEO_TIME).max(MIN_FRAME) * 3 / 4
    }

    /// Bytes in flight in addition to [`Self::congestion_window`] with what answers an input.
    pub fn input_headroom(&self) -> u64 {
        self.bytes_in(INPUT_HEADROOM).unwrap_or(MIN_FRAME).max(MIN_FRAME)
    }

    /// Bytes that the line carries in `time`; `None` before anything was acknowledged.
    pub fn bytes_in(&self, time: Duration) -> Option<u64> {
        self.rate().map(|rate| (rate * time.as_secs_f64()) as u64)
    }

    /// What it carries in `time`, and as long as it was never filled at least what one starts with.
    fn or_initial(&self, time: Duration) -> u64 {
        match self.bytes_in(time) {
            Some(bytes) if self.filled => bytes,
            bytes => bytes.unwrap_or_default().max(INITIAL_WINDOW),
        }
    }

    /// Whether a frame with so much in flight shows the round trip, near enough.
    fn is_negligible(&self, bytes: u64) -> bool {
        let nothing = self.bytes_in(QUEUE_TARGET / 2).unwrap_or_default();
        bytes <= if self.filled { nothing } else { nothing.max(MIN_FRAME) }
    }
}

#[cfg(test)]
mod tests;
