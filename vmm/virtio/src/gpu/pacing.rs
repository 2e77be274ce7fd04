//! Pacing of fenced flushes. A guest without a vertical blank draws its next frame as soon as the last flush
//! completes, so fenced flushes complete at most 60 times a second.

use std::time::{Duration, Instant};

/// Minimum interval between the completions of two fenced flushes.
pub const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Clock that decides when a fenced flush completes.
#[derive(Default)]
pub struct FlushPacer {
    last: Option<Instant>,
}

impl FlushPacer {
    /// Decides when a flush at `now` completes: `None` for at once, otherwise the delay.
    pub fn flush(&mut self, now: Instant) -> Option<Duration> {
        let wait = self.due().map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        if wait.is_zero() {
            self.last = Some(now);
            return None;
        }
        Some(wait)
    }

    /// Records that delayed flushes completed at `now`. A late completion shortens the next delay, which
    /// keeps the rate.
    pub fn completed(&mut self, now: Instant) {
        self.last = match self.due() {
            Some(due) if now.saturating_duration_since(due) < PERIOD => Some(due),
            _ => Some(now),
        };
    }

    /// Returns the time at which the next flush may complete; `None` before the first.
    fn due(&self) -> Option<Instant> {
        self.last.and_then(|last| last.checked_add(PERIOD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_guest_gets_sixty_answers_a_second() {
        let start = Instant::now();
        let mut pacer = FlushPacer::default();
        let mut now = start;
        let mut answers = 0;
        while now - start < Duration::from_secs(1) {
            if let Some(wait) = pacer.flush(now) {
                // The timer wakes a little late every time.
                now += wait + Duration::from_micros(300);
                pacer.completed(now);
            }
            answers += 1;
            now += Duration::from_millis(2);
        }
        assert!((59..=61).contains(&answers), "{answers}");
    }

    #[test]
    fn a_rested_guest_does_not_wait() {
        let start = Instant::now();
        let mut pacer = FlushPacer::default();
        assert_eq!(pacer.flush(start), None);
        assert!(pacer.flush(start + PERIOD / 2).is_some());
        assert_eq!(pacer.flush(start + PERIOD), None);
        assert_eq!(pacer.flush(start + 10 * PERIOD), None);
    }
}
