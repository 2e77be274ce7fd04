//! Throttling of failed logins by name and by address.
//!
//! The first failures have no effect; each further one doubles the wait. A refused attempt does not extend
//! the wait, so a guesser cannot lock a user out for longer than [`NAME`]'s longest wait. An attempt counts
//! from its beginning, so that concurrent attempts have no advantage.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Parameters of the throttling for a kind of key.
struct Pace {
    /// Number of failures without a wait.
    free_failures: u32,
    /// Maximum wait.
    longest_wait: Duration,
}

/// Parameters for names.
const NAME: Pace = Pace { free_failures: 5, longest_wait: Duration::from_secs(60) };
/// Parameters for addresses: many users may share one, and a guesser may try many names from one.
const ADDRESS: Pace = Pace { free_failures: 20, longest_wait: Duration::from_secs(900) };
/// Time after which a failure is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);
/// Maximum number of keys of each kind; beyond it the least recently used key is forgotten.
const CAPACITY: usize = 8192;

/// Counter of failed logins with bounded memory.
#[derive(Default)]
pub struct Throttle {
    tables: Mutex<Tables>,
}

/// Failures by name and by address.
#[derive(Default)]
struct Tables {
    names: Table<String>,
    addresses: Table<IpAddr>,
}

/// Attempt that may proceed; counts as failed until [`Throttle::succeeded`].
#[must_use]
pub struct Attempt {
    name: String,
    address: IpAddr,
}

impl Throttle {
    /// Begins a login attempt for a name from an address.
    ///
    /// # Errors
    /// The wait until the next attempt is allowed.
    pub fn begin(&self, name: &str, address: IpAddr, now: Instant) -> Result<Attempt, Duration> {
        let attempt = Attempt { name: name.to_owned(), address: network_of(address) };
        let mut tables = self.tables.lock();
        let wait = tables.names.wait(&attempt.name, now).max(tables.addresses.wait(&attempt.address, now));
        if wait > Duration::ZERO {
            return Err(wait);
        }
        tables.names.count(attempt.name.clone(), &NAME, now);
        tables.addresses.count(attempt.address, &ADDRESS, now);
        Ok(attempt)
    }

    /// Records the success of an attempt: clears the name's failures and takes back the address's last one.
    /// The address keeps its other failures, so that a guesser with an account cannot reset them.
    pub fn succeeded(&self, attempt: Attempt) {
        let mut tables = self.tables.lock();
        tables.names.entries.remove(&attempt.name);
        tables.addresses.take_back(&attempt.address);
    }
}

/// Returns the /64 network of an IPv6 address, whose addresses one client can use, or the IPv4 address
/// itself.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let high = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(high.into())
        }
        v4 => v4,
    }
}

/// Failures by key.
struct Table<K> {
    entries: HashMap<K, Entry>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

/// Failures of one key.
struct Entry {
    /// Number of failures.
    failures: u32,
    /// Time of the last failure.
    last: Instant,
    /// Time from which the next attempt is allowed.
    free_from: Instant,
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Returns the wait of a key; zero if an attempt is allowed.
    fn wait(&self, key: &K, now: Instant) -> Duration {
        self.entries.get(key).map_or(Duration::ZERO, |entry| entry.free_from.saturating_duration_since(now))
    }

    /// Counts a failure of a key.
    fn count(&mut self, key: K, pace: &Pace, now: Instant) {
        if self.entries.len() >= CAPACITY && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        let entry = self.entries.entry(key).or_insert(Entry { failures: 0, last: now, free_from: now });
        if now.saturating_duration_since(entry.last) > MEMORY {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        entry.free_from = now + pace.after(entry.failures);
    }

    /// Takes the last failure of a key back.
    fn take_back(&mut self, key: &K) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.failures = entry.failures.saturating_sub(1);
            entry.free_from = entry.last;
        }
    }

    /// Removes expired entries, or else the least recently used one.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now.saturating_duration_since(entry.last) <= MEMORY);
        if self.entries.len() < CAPACITY {
            return;
        }
        let quietest = self.entries.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone());
        if let Some(key) = quietest {
            self.entries.remove(&key);
        }
    }
}

impl Pace {
    /// Returns the wait after a number of failures.
    fn after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free_failures) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => {
                let seconds = 1u64.checked_shl(beyond - 1).filter(|_| beyond <= 63).unwrap_or(u64::MAX);
                Duration::from_secs(seconds).min(self.longest_wait)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Fails once as soon as it may, and returns the wait it had to sit out and the time after it.
    fn fail(throttle: &Throttle, name: &str, from: IpAddr, now: Instant) -> (Duration, Instant) {
        match throttle.begin(name, from, now) {
            Ok(_) => (Duration::ZERO, now),
            Err(wait) => {
                assert!(throttle.begin(name, from, now + wait).is_ok());
                (wait, now + wait)
            }
        }
    }

    #[test]
    fn waits_double_and_stay_bounded() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for turn in 0..14 {
            let (wait, after) = fail(&throttle, "ada", address(turn), now);
            waits.push(wait.as_secs());
            now = after;
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn an_address_is_slowed_across_names() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for turn in 0..21 {
            assert!(throttle.begin(&format!("name{turn}"), address(1), now).is_ok());
        }
        assert!(throttle.begin("other", address(1), now).is_err());
        assert!(throttle.begin("other", address(2), now).is_ok());
    }

    #[test]
    fn success_clears_the_name_and_not_the_address() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..5 {
            let _ = throttle.begin("ada", address(1), now);
        }
        let attempt = throttle.begin("ada", address(1), now).ok().unwrap();
        throttle.succeeded(attempt);
        assert!(throttle.begin("ada", address(1), now).is_ok());
        let tables = throttle.tables.lock();
        assert_eq!(tables.addresses.entries[&address(1)].failures, 6);
    }

    #[test]
    fn refused_attempts_do_not_prolong_the_wait() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..6 {
            let _ = throttle.begin("ada", address(1), now);
        }
        let first = throttle.begin("ada", address(1), now).err().unwrap();
        for _ in 0..100 {
            assert_eq!(throttle.begin("ada", address(1), now).err().unwrap(), first);
        }
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_together() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for turn in 0..21u16 {
            let from: IpAddr = format!("2001:db8::{turn:x}").parse().unwrap();
            assert!(throttle.begin(&format!("name{turn}"), from, now).is_ok());
        }
        assert!(throttle.begin("other", "2001:db8::ffff".parse().unwrap(), now).is_err());
        assert!(throttle.begin("other", "2001:db8:0:1::1".parse().unwrap(), now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for turn in 0..(CAPACITY as u32 + 100) {
            let from = IpAddr::from(turn.to_be_bytes());
            assert!(throttle.begin(&turn.to_string(), from, now).is_ok());
        }
        let tables = throttle.tables.lock();
        assert!(tables.names.entries.len() <= CAPACITY);
        assert!(tables.addresses.entries.len() <= CAPACITY);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..6 {
            let _ = throttle.begin("ada", address(1), now);
        }
        let later = now + MEMORY + Duration::from_secs(1);
        for _ in 0..5 {
            assert!(throttle.begin("ada", address(1), later).is_ok());
        }
    }
}
