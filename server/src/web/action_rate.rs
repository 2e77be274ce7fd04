//! Bound on the actions of one user that are recorded in the audit log, so that no user can fill the disk.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Number of actions that a user may take at once.
const BURST: f64 = 600.0;
/// Number of actions a second that a user may take all the time.
const PER_SECOND: f64 = 1.0;
/// Number of users above which those who did nothing for long are forgotten.
const USERS: usize = 1024;

/// Remaining actions of users, a token bucket for each.
#[derive(Default)]
pub struct ActionRate {
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// Remaining actions of one user.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// Returns the remaining actions at a time.
    fn left_at(&self, now: Instant) -> f64 {
        (self.left + now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND).min(BURST)
    }
}

impl ActionRate {
    /// Takes an action of a user at the time `now`.
    ///
    /// # Errors
    /// The user has taken too many; the duration is the wait until the next.
    pub fn take(&self, user_id: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= USERS {
            buckets.retain(|_, bucket| bucket.left_at(now) < BURST);
        }
        let bucket = buckets.entry(user_id.to_owned()).or_insert(Bucket { left: BURST, at: now });
        let left = bucket.left_at(now);
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) / PER_SECOND));
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_do_much_at_once_and_not_for_ever_and_holds_up_no_other() {
        let (rate, now) = (ActionRate::default(), Instant::now());
        let taken = (0..100_000).filter(|_| rate.take("ada", now).is_ok()).count();
        assert_eq!(taken, BURST as usize);
        assert!(rate.take("eve", now).is_ok());
        let wait = rate.take("ada", now).unwrap_err();
        assert!(rate.take("ada", now + wait).is_ok());
        assert!(rate.take("ada", now + wait).is_err());
    }
}
