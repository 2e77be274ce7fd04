//! Windowed minimum of round-trip times, the base of the congestion window.

use std::time::{Duration, Instant};

/// Length of a window; the minimum covers the present window and the one before.
const SPAN: Duration = Duration::from_secs(5);

/// Round-trip time up to which a queue does not matter, so that no remeasurement is needed.
const NEAR: Duration = Duration::from_millis(20);

/// Minimum of recent round-trip times.
#[derive(Debug, Default)]
pub struct MinRtt {
    /// Minimum of the window before.
    before: Option<Duration>,
    /// Minimum of the present window.
    shortest: Option<Duration>,
    /// Start of the present window.
    began: Option<Instant>,
    /// Time of the last measurement without a queue.
    clear_at: Option<Instant>,
}

impl MinRtt {
    /// Records the round-trip time of a frame; `clear` if next to nothing was in flight before it.
    pub fn took(&mut self, time: Duration, clear: bool, now: Instant) {
        let began = *self.began.get_or_insert(now);
        if now.saturating_duration_since(began) > SPAN {
            self.before = self.shortest.take();
            self.began = Some(now);
        }
        self.shortest = Some(self.shortest.map_or(time, |shortest| shortest.min(time)));
        if clear {
            self.clear_at = Some(now);
        }
    }

    /// Returns the minimum of the last 5 to 10 seconds; `None` before any measurement.
    pub fn shortest(&self) -> Option<Duration> {
        self.before.into_iter().chain(self.shortest).min()
    }

    /// Reports whether the minimum may include a queue: it exceeds 20 ms and was not measured without one for
    /// 5 s.
    pub fn is_stale(&self, now: Instant) -> bool {
        let clear = self.clear_at.is_some_and(|then| now.saturating_duration_since(then) < SPAN);
        !clear && self.shortest().is_some_and(|shortest| shortest > NEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_short_one_counts_until_it_is_long_past() {
        let mut trips = MinRtt::default();
        let start = Instant::now();
        trips.took(40 * MS, true, start);
        for n in 1..100 {
            let now = start + n * 200 * MS;
            trips.took(90 * MS, false, now);
            let expected = if now <= start + SPAN { 40 * MS } else { 90 * MS };
            if now <= start + SPAN || now > start + SPAN * 2 + 200 * MS {
                assert_eq!(trips.shortest(), Some(expected), "after {n}");
            }
            assert_eq!(trips.is_stale(now), now >= start + SPAN);
        }
    }

    #[test]
    fn short_ones_need_no_second_look() {
        let mut trips = MinRtt::default();
        trips.took(5 * MS, false, Instant::now());
        assert!(!trips.is_stale(Instant::now()));
    }
}
