//! The shortest round trip of late.

use std::time::{Duration, Instant};

/// The shortest of this long counts, and of as long before at most.
const SPAN: Duration = Duration::from_secs(5);

/// A queue of this much matters to nobody: round trips below need no second look.
const NEAR: Duration = Duration::from_millis(20);

/// Round trips seen.
#[derive(Debug, Default)]
pub struct MinRtt {
    /// The shortest of the span before, and of this one.
    before: Option<Duration>,
    shortest: Option<Duration>,
    began: Option<Instant>,
    /// When one was seen that waited behind nothing.
    clear_at: Option<Instant>,
}

impl MinRtt {
    /// A frame's way took so long; `clear` if it waited behind next to nothing.
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

    /// The shortest of late; `None` before any.
    pub fn shortest(&self) -> Option<Duration> {
        self.before.into_iter().chain(self.shortest).min()
    }

    /// Whether the shortest may well be one with a queue in it.
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
