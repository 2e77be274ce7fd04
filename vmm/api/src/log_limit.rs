//! Limit on log lines that a guest, or a machine that it has taken over, can cause.
//!
//! [`log_limited!`](crate::log_limited) writes a line through `tracing`. Each place in the code has a token
//! bucket of its own, so that one flood hides nothing else.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines that a place may log at once.
const BURST: u32 = 20;
/// Time after which a place may log one more line.
const REFILL: Duration = Duration::from_secs(3);

/// Token bucket of one place that logs.
#[derive(Debug)]
pub struct LogLimit(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    /// Lines that may be logged now.
    tokens: u32,
    /// Time of the last refill; `None` before the first line.
    refilled: Option<Instant>,
    /// Suppressed lines since the last logged one.
    suppressed: u64,
}

impl LogLimit {
    /// Creates a full bucket.
    pub const fn new() -> Self {
        Self(Mutex::new(Bucket { tokens: BURST, refilled: None, suppressed: 0 }))
    }

    /// Takes a token for one line, and returns the number of lines suppressed since the last logged one;
    /// `None` when the line must not be logged.
    pub fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = *bucket.refilled.get_or_insert(now);
        let periods = now.saturating_duration_since(refilled).as_secs() / REFILL.as_secs();
        if let Ok(tokens @ 1..) = u32::try_from(periods.min(u64::from(BURST))) {
            bucket.tokens = bucket.tokens.saturating_add(tokens).min(BURST);
            bucket.refilled = Some(now);
        }
        match bucket.tokens.checked_sub(1) {
            Some(tokens) => {
                bucket.tokens = tokens;
                Some(std::mem::take(&mut bucket.suppressed))
            }
            None => {
                bucket.suppressed = bucket.suppressed.saturating_add(1);
                None
            }
        }
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a line at a level of `tracing` (`warn`, `info`, …) unless this place logs too much: 20 lines at once,
/// then one in three seconds. The field `suppressed` is the number of lines that were left out before.
///
/// The arguments after the level are those of `tracing`'s macros.
#[macro_export]
macro_rules! log_limited {
    ($level:ident, $($line:tt)+) => {{
        static LIMIT: $crate::log_limit::LogLimit = $crate::log_limit::LogLimit::new();
        match LIMIT.admit() {
            Some(0) => tracing::$level!($($line)+),
            Some(suppressed) => tracing::$level!(suppressed, $($line)+),
            None => {}
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_suppressed_and_counted_and_a_later_line_passes() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        let passed = (0..1000).filter(|_| limit.admit_at(start).is_some()).count();
        assert_eq!(passed, 20);
        assert_eq!(limit.admit_at(start + Duration::from_secs(2)), None);
        assert_eq!(limit.admit_at(start + Duration::from_secs(3)), Some(981));
        assert_eq!(limit.admit_at(start + Duration::from_secs(3)), None);
        assert_eq!(limit.admit_at(start + Duration::from_secs(3600)), Some(1));
        let passed =
            (0..1000).filter(|_| limit.admit_at(start + Duration::from_secs(3600)).is_some()).count();
        assert_eq!(passed, 19, "an hour of silence fills the bucket, and no more");
    }
}
