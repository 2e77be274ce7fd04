//! Pacing of a guest's drawing. A guest without a vertical blank draws its next frame as soon as the
//! last flush completes, so fenced flushes complete 60 times a second at most.

use std::time::{Duration, Instant};

/// Least time between the completions of two fenced flushes.
pub const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Clock that decides when a fenced flush completes.
#[derive(Default)]
pub struct FlushPacer {
    last: Option<Instant>,
}

impl FlushPacer {
    /// Decides about a flush at `now`: `None` to complete it at once, or the time to delay it by.
    pub fn flush(&mut self, now: Instant) -> Option<Duration> {
        let wait = self.due().map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        if wait.is_zero() {
            self.last = Some(now);
            return None;
        }
        Some(wait)
    }

    /// Notes that delayed flushes completed at `now`. A late wake-up shortens the next delay, so that the
    /// rate is kept.
    pub fn completed(&mut self, now: Instant) {
        self.last = match self.due() {
            Some(due) if now.saturating_duration_since(due) < PERIOD => Some(due),
            _ => Some(now),
        };
    }

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
