//! Position of a PCM stream in frames, derived from the host's monotonic clock.

use oriel_display::audio::RATE;
use std::time::{Duration, Instant};

/// Nanoseconds in a second.
const NANOS: u128 = 1_000_000_000;

/// Frame counter of a PCM stream that can be started and stopped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Frames counted before the last start.
    before: u64,
    started: Option<Instant>,
}

impl Clock {
    /// Starts or continues the clock at `now`.
    pub fn start(&mut self, now: Instant) {
        self.stop(now);
        self.started = Some(now);
    }

    /// Stops the clock at `now`.
    pub fn stop(&mut self, now: Instant) {
        self.before = self.position(now);
        self.started = None;
    }

    /// Stops the clock at the frame `position`.
    pub fn stop_at(&mut self, position: u64) {
        *self = Self { before: position, started: None };
    }

    /// Whether the clock runs.
    pub fn runs(&self) -> bool {
        self.started.is_some()
    }

    /// Returns the number of whole frames that have passed at `now`.
    pub fn position(&self, now: Instant) -> u64 {
        let run = self.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started));
        let frames = run.as_nanos().saturating_mul(u128::from(RATE)) / NANOS;
        self.before.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX))
    }

    /// Returns the time at which the clock reaches the frame `position`; `None` while the clock is stopped.
    pub fn time_of(&self, position: u64) -> Option<Instant> {
        let frames = u128::from(position.saturating_sub(self.before));
        // Rounded up, so that the frame has passed at the returned time.
        let nanos = frames.saturating_mul(NANOS).div_ceil(u128::from(RATE));
        self.started?.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_true_over_days_and_over_stops() {
        let start = Instant::now();
        let mut clock = Clock::default();
        clock.start(start);
        let days = Duration::from_secs(100 * 86_400);
        assert_eq!(clock.position(start + days), 100 * 86_400 * 48_000);
        clock.stop(start + days);
        assert_eq!(clock.position(start + days * 2), 100 * 86_400 * 48_000);
        assert_eq!(clock.time_of(0), None);
        clock.start(start + days * 3);
        assert_eq!(clock.position(start + days * 3 + Duration::from_millis(10)) % 48_000, 480);
    }

    #[test]
    fn at_its_moment_a_frame_has_passed() {
        let start = Instant::now();
        let mut clock = Clock::default();
        clock.start(start);
        for position in [1, 7, 479, 480, 1_000_003] {
            let time = clock.time_of(position).unwrap();
            assert_eq!(clock.position(time), position);
            assert_eq!(clock.position(time - Duration::from_nanos(2)), position - 1);
        }
    }
}
