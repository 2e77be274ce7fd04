//! How much a device may do in a second.

use std::time::{Duration, Instant};

/// What is saved up while a device rests: a second's worth.
const BURST: Duration = Duration::from_secs(1);

/// What may pass in a second; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// Bytes per second, both directions together.
    pub bytes: Option<u64>,
    /// Disk requests or network frames per second.
    pub operations: Option<u64>,
}

/// Two token buckets, one for bytes and one for operations. An operation passes when both have
/// enough for it. One that is larger than a whole bucket passes when the bucket is full, and those
/// after it wait for as long as it should have taken.
#[derive(Debug)]
pub struct Limiter {
    bytes: Option<Bucket>,
    operations: Option<Bucket>,
}

impl Limiter {
    /// Two full buckets. A limit of 0 counts as 1: whoever waits shall get on some day.
    pub fn new(limit: Limit) -> Self {
        let bucket = |rate: u64| Bucket { rate: rate.max(1), full_at: None };
        Self { bytes: limit.bytes.map(bucket), operations: limit.operations.map(bucket) }
    }

    /// Takes one operation of so many bytes out of the buckets.
    ///
    /// # Errors
    /// The time after which to ask again; nothing was taken.
    pub fn take(&mut self, now: Instant, bytes: u64) -> Result<(), Duration> {
        let wait =
            |bucket: &Option<Bucket>, tokens| bucket.as_ref().map_or(Duration::ZERO, |b| b.wait(now, tokens));
        let wait = wait(&self.bytes, bytes).max(wait(&self.operations, 1));
        if !wait.is_zero() {
            return Err(wait);
        }
        for (bucket, tokens) in [(&mut self.bytes, bytes), (&mut self.operations, 1)] {
            if let Some(bucket) = bucket {
                bucket.take(now, tokens);
            }
        }
        Ok(())
    }
}

/// A bucket, described by when it will be full: then nothing has to be added as time passes, and
/// nothing is lost to rounding.
#[derive(Debug)]
struct Bucket {
    /// Tokens per second.
    rate: u64,
    /// `None` is now or earlier.
    full_at: Option<Instant>,
}

impl Bucket {
    /// How long it takes to earn so many.
    fn worth(&self, tokens: u64) -> Duration {
        let nanos = (u128::from(tokens) * 1_000_000_000).div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn missing(&self, now: Instant) -> Duration {
        self.full_at.map_or(Duration::ZERO, |full| full.saturating_duration_since(now))
    }

    fn wait(&self, now: Instant, tokens: u64) -> Duration {
        (self.missing(now) + self.worth(tokens).min(BURST)).saturating_sub(BURST)
    }

    fn take(&mut self, now: Instant, tokens: u64) {
        self.full_at = now.checked_add(self.missing(now) + self.worth(tokens));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets operations of `bytes` pass as soon as they may, for as long as `time`; their number.
    fn passed(limit: Limit, bytes: u64, time: Duration) -> u64 {
        let start = Instant::now();
        let mut limiter = Limiter::new(limit);
        let mut now = start;
        let mut count = 0;
        while now - start <= time {
            match limiter.take(now, bytes) {
                Ok(()) => count += 1,
                Err(wait) => now += wait,
            }
        }
        count
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limit = Limit { bytes: Some(1 << 20), operations: Some(100) };
        // By operations: 100 at once, 100 in each of the seconds.
        assert_eq!(passed(limit, 512, Duration::from_secs(3)), 400);
        // By bytes: 16 at once, 16 in each of the seconds.
        assert_eq!(passed(limit, 64 << 10, Duration::from_secs(3)), 64);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let mut limiter = Limiter::new(Limit::default());
        let now = Instant::now();
        assert!((0..10_000).all(|_| limiter.take(now, u64::MAX).is_ok()));
    }

    #[test]
    fn what_had_to_wait_costs_nothing() {
        let mut limiter = Limiter::new(Limit { bytes: Some(1000), operations: Some(2) });
        let now = Instant::now();
        assert_eq!(limiter.take(now, 900), Ok(()));
        for _ in 0..10 {
            assert_eq!(limiter.take(now, 200), Err(Duration::from_millis(100)));
        }
        assert_eq!(limiter.take(now + Duration::from_millis(100), 200), Ok(()));
    }

    #[test]
    fn more_than_a_second_of_rest_saves_nothing_more() {
        let mut limiter = Limiter::new(Limit { bytes: None, operations: Some(10) });
        let now = Instant::now() + Duration::from_secs(3600);
        assert!((0..10).all(|_| limiter.take(now, 0).is_ok()));
        assert_eq!(limiter.take(now, 0), Err(Duration::from_millis(100)));
    }

    #[test]
    fn a_giant_passes_a_full_bucket_and_is_paid_for_afterwards() {
        let mut limiter = Limiter::new(Limit { bytes: Some(1000), operations: None });
        let now = Instant::now();
        assert_eq!(limiter.take(now, 5000), Ok(()));
        assert_eq!(limiter.take(now, 1), Err(Duration::from_millis(4001)));
        assert_eq!(limiter.take(now, 5000), Err(Duration::from_secs(5)));
    }

    #[test]
    fn absurd_figures_do_no_harm() {
        let mut limiter = Limiter::new(Limit { bytes: Some(0), operations: Some(u64::MAX) });
        let now = Instant::now();
        assert_eq!(limiter.take(now, u64::MAX), Ok(()));
        assert!(limiter.take(now, u64::MAX).is_err());
    }
}
