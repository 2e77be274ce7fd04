//! Token buckets that limit a device's bytes and operations per second.

use oriel_vmm_api::RateLimit;
use std::time::{Duration, Instant};

/// Capacity of a bucket: the tokens of one second.
const BURST: Duration = Duration::from_secs(1);

/// Rate limiter with a token bucket for bytes and one for operations (disk requests or network frames).
///
/// An operation passes when both buckets have enough tokens. An operation that costs more than a whole bucket
/// passes when the bucket is full; later operations wait until the excess is refilled.
#[derive(Debug)]
pub struct RateLimiter {
    bytes: Option<TokenBucket>,
    operations: Option<TokenBucket>,
}

impl RateLimiter {
    /// Creates a limiter with full buckets. A limit of 0 counts as 1, so that every wait ends.
    pub fn new(limit: RateLimit) -> Self {
        let bucket = |rate: u64| TokenBucket { rate: rate.max(1), full_at: None };
        Self { bytes: limit.bytes.map(bucket), operations: limit.operations.map(bucket) }
    }

    /// Takes the tokens for one operation of `bytes` bytes.
    ///
    /// # Errors
    /// The time until the missing tokens are refilled; no token was taken.
    pub fn take(&mut self, now: Instant, bytes: u64) -> Result<(), Duration> {
        let wait = |bucket: &Option<TokenBucket>, tokens| {
            bucket.as_ref().map_or(Duration::ZERO, |b| b.wait(now, tokens))
        };
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

/// Token bucket, represented by the time at which the bucket is full: nothing has to be added as time passes,
/// and no token is lost to rounding.
#[derive(Debug)]
struct TokenBucket {
    /// Refill rate in tokens per second.
    rate: u64,
    /// Time at which the bucket is full; `None` for a full bucket.
    full_at: Option<Instant>,
}

impl TokenBucket {
    /// Returns the time to refill `tokens` tokens.
    fn refill_time(&self, tokens: u64) -> Duration {
        let nanos = (u128::from(tokens) * 1_000_000_000).div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns the time until the bucket is full.
    fn time_to_full(&self, now: Instant) -> Duration {
        self.full_at.map_or(Duration::ZERO, |full| full.saturating_duration_since(now))
    }

    /// Returns the time until the bucket has `tokens` tokens, at most a whole bucket.
    fn wait(&self, now: Instant, tokens: u64) -> Duration {
        (self.time_to_full(now) + self.refill_time(tokens).min(BURST)).saturating_sub(BURST)
    }

    /// Takes `tokens` tokens.
    fn take(&mut self, now: Instant, tokens: u64) {
        self.full_at = now.checked_add(self.time_to_full(now) + self.refill_time(tokens));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets operations of `bytes` pass as soon as they may, for as long as `time`; their number.
    fn passed(limit: RateLimit, bytes: u64, time: Duration) -> u64 {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(limit);
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
        let limit = RateLimit { bytes: Some(1 << 20), operations: Some(100) };
        // By operations: 100 at once, 100 in each of the seconds.
        assert_eq!(passed(limit, 512, Duration::from_secs(3)), 400);
        // By bytes: 16 at once, 16 in each of the seconds.
        assert_eq!(passed(limit, 64 << 10, Duration::from_secs(3)), 64);
    }

    #[test]
    fn without_limits_nothing_waits() {
        let mut limiter = RateLimiter::new(RateLimit::default());
        let now = Instant::now();
        assert!((0..10_000).all(|_| limiter.take(now, u64::MAX).is_ok()));
    }

    #[test]
    fn a_refused_operation_takes_no_tokens() {
        let mut limiter = RateLimiter::new(RateLimit { bytes: Some(1000), operations: Some(2) });
        let now = Instant::now();
        assert_eq!(limiter.take(now, 900), Ok(()));
        for _ in 0..10 {
            assert_eq!(limiter.take(now, 200), Err(Duration::from_millis(100)));
        }
        assert_eq!(limiter.take(now + Duration::from_millis(100), 200), Ok(()));
    }

    #[test]
    fn an_idle_bucket_holds_one_second_of_tokens() {
        let mut limiter = RateLimiter::new(RateLimit { bytes: None, operations: Some(10) });
        let now = Instant::now() + Duration::from_secs(3600);
        assert!((0..10).all(|_| limiter.take(now, 0).is_ok()));
        assert_eq!(limiter.take(now, 0), Err(Duration::from_millis(100)));
    }

    #[test]
    fn an_operation_larger_than_the_bucket_passes_when_it_is_full() {
        let mut limiter = RateLimiter::new(RateLimit { bytes: Some(1000), operations: None });
        let now = Instant::now();
        assert_eq!(limiter.take(now, 5000), Ok(()));
        assert_eq!(limiter.take(now, 1), Err(Duration::from_millis(4001)));
        assert_eq!(limiter.take(now, 5000), Err(Duration::from_secs(5)));
    }

    #[test]
    fn absurd_figures_do_no_harm() {
        let mut limiter = RateLimiter::new(RateLimit { bytes: Some(0), operations: Some(u64::MAX) });
        let now = Instant::now();
        assert_eq!(limiter.take(now, u64::MAX), Ok(()));
        assert!(limiter.take(now, u64::MAX).is_err());
    }
}
