//! Budgets of attempts by key: a failed attempt takes a place until it is forgotten, and failures are
//! forgotten one at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Maximum number of keys of a kind.
const CAPACITY: usize = 8192;

/// Size of a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Number of places for attempts in progress and failures together.
    pub places: u32,
    /// Interval at which one failure is forgotten.
    pub forget_every: Duration,
}

/// Availability of a place for an attempt in a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Availability {
    /// A place is free.
    Free,
    /// Attempts in progress have the last places, and may give them back.
    InProgress,
    /// Failures have all places; one is free from the given time.
    From(Instant),
}

/// Use of a key's budget.
struct Usage {
    /// Number of failures at the time `since`.
    failures: u32,
    /// Time from which the interval until the next forgotten failure counts.
    since: Instant,
    /// Number of attempts in progress.
    in_progress: u32,
    /// Number of the last attempt that was admitted, in the order of admission.
    last_admitted: u64,
}

impl Usage {
    /// Forgets the failures whose time has come.
    fn forget(&mut self, pace: &Pace, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_nanos();
        let due = elapsed.checked_div(pace.forget_every.as_nanos()).unwrap_or(0);
        let forgotten = u32::try_from(due).unwrap_or(u32::MAX).min(self.failures);
        self.failures -= forgotten;
        self.since = if self.failures == 0 { now } else { self.since + pace.forget_every * forgotten };
    }
}

/// Budgets of one size by key, with bounded memory.
pub(super) struct Budgets<K> {
    pace: Pace,
    usage: HashMap<K, Usage>,
}

impl<K: Eq + Hash + Clone> Budgets<K> {
    /// Makes unused budgets of one size.
    pub fn new(pace: Pace) -> Self {
        Self { pace, usage: HashMap::new() }
    }

    /// Returns the room for an attempt of the key.
    pub fn availability(&mut self, key: &K, now: Instant) -> Availability {
        let Some(usage) = self.usage.get_mut(key) else { return Availability::Free };
        usage.forget(&self.pace, now);
        if usage.failures.saturating_add(usage.in_progress) < self.pace.places {
            Availability::Free
        } else if usage.failures < self.pace.places {
            Availability::InProgress
        } else {
            Availability::From(usage.since + self.pace.forget_every)
        }
    }

    /// Returns the number of the key's last admitted attempt; zero if there is none on record.
    pub fn last_admitted(&self, key: &K) -> u64 {
        self.usage.get(key).map_or(0, |usage| usage.last_admitted)
    }

    /// Takes a place for the attempt with the given number.
    pub fn take(&mut self, key: &K, number: u64, now: Instant) {
        if self.usage.len() >= CAPACITY && !self.usage.contains_key(key) {
            self.make_room(now);
        }
        let unused = Usage { failures: 0, since: now, in_progress: 0, last_admitted: 0 };
        let usage = self.usage.entry(key.clone()).or_insert(unused);
        usage.in_progress = usage.in_progress.saturating_add(1);
        usage.last_admitted = number;
    }

    /// Ends an attempt. A failure keeps the place until it is forgotten.
    pub fn end(&mut self, key: &K, failed: bool, now: Instant) {
        if let Some(usage) = self.usage.get_mut(key) {
            usage.forget(&self.pace, now);
            usage.in_progress = usage.in_progress.saturating_sub(1);
            usage.failures = usage.failures.saturating_add(failed.into());
        }
    }

    /// Removes keys without failures, or else the key with the fewest failures. So a guesser cannot clear the
    /// failures of one key by few failures of many others.
    fn make_room(&mut self, now: Instant) {
        let pace = self.pace;
        self.usage.retain(|_, usage| {
            usage.forget(&pace, now);
            usage.failures > 0 || usage.in_progress > 0
        });
        if self.usage.len() < CAPACITY {
            return;
        }
        let idle = self.usage.iter().filter(|(_, usage)| usage.in_progress == 0);
        let least = idle.min_by_key(|(_, usage)| (usage.failures, usage.last_admitted));
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.usage.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { places: 3, forget_every: Duration::from_secs(60) };

    fn fail(budgets: &mut Budgets<u32>, key: u32, now: Instant) {
        budgets.take(&key, 1, now);
        budgets.end(&key, true, now);
    }

    #[test]
    fn an_attempt_in_progress_has_a_place_and_a_right_one_gives_it_back() {
        let (mut budgets, now) = (Budgets::new(PACE), Instant::now());
        for _ in 0..3 {
            assert_eq!(budgets.availability(&1, now), Availability::Free);
            budgets.take(&1, 1, now);
        }
        assert_eq!(budgets.availability(&1, now), Availability::InProgress);
        assert_eq!(budgets.availability(&2, now), Availability::Free);
        budgets.end(&1, false, now);
        assert_eq!(budgets.availability(&1, now), Availability::Free);
    }

    #[test]
    fn failures_are_forgotten_one_at_a_time() {
        let (mut budgets, now) = (Budgets::new(PACE), Instant::now());
        for _ in 0..3 {
            fail(&mut budgets, 1, now);
        }
        assert_eq!(budgets.availability(&1, now), Availability::From(now + PACE.forget_every));
        let later = now + PACE.forget_every;
        assert_eq!(budgets.availability(&1, later), Availability::Free);
        fail(&mut budgets, 1, later);
        assert_eq!(budgets.availability(&1, later), Availability::From(later + PACE.forget_every));
    }

    #[test]
    fn a_failure_after_a_long_silence_is_remembered_for_the_whole_interval() {
        let (mut budgets, now) = (Budgets::new(PACE), Instant::now());
        fail(&mut budgets, 1, now);
        let later = now + PACE.forget_every * 100 + PACE.forget_every / 2;
        for _ in 0..3 {
            fail(&mut budgets, 1, later);
        }
        assert_eq!(budgets.availability(&1, later), Availability::From(later + PACE.forget_every));
    }

    #[test]
    fn memory_is_bounded_and_the_key_with_many_failures_stays() {
        let (mut budgets, now) = (Budgets::new(PACE), Instant::now());
        for _ in 0..3 {
            fail(&mut budgets, 0, now);
        }
        for key in 1..CAPACITY as u32 + 100 {
            fail(&mut budgets, key, now);
        }
        assert!(budgets.usage.len() <= CAPACITY);
        assert_ne!(budgets.availability(&0, now), Availability::Free);
    }
}
