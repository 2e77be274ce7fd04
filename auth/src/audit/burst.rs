//! Number of entries of one action in the present minute, and the decision about the next one.

use std::time::{Duration, Instant};

/// Interval over which entries are bounded.
const WINDOW: Duration = Duration::from_secs(60);
/// Maximum number of entries of an action in an interval, before the one that counts the others.
const MOST: u32 = 120;

/// Entries of an action in the present interval.
pub(super) struct Burst {
    began: Instant,
    recorded: u32,
    counted: u64,
}

/// Decision about an entry.
pub(super) enum Admission {
    /// The entry is recorded.
    Record,
    /// The entry is the first that is only counted; the count is to be recorded after the duration.
    CountFirst(Duration),
    /// The entry is only counted.
    Count,
}

impl Default for Burst {
    fn default() -> Self {
        Self { began: Instant::now(), recorded: 0, counted: 0 }
    }
}

impl Burst {
    /// Decides about the next entry.
    pub fn admit(&mut self) -> Admission {
        if self.began.elapsed() >= WINDOW && self.counted == 0 {
            *self = Self::default();
        }
        if self.recorded < MOST {
            self.recorded += 1;
            return Admission::Record;
        }
        self.counted += 1;
        match self.counted {
            1 => Admission::CountFirst(WINDOW.saturating_sub(self.began.elapsed())),
            _ => Admission::Count,
        }
    }

    /// Returns the number of entries that were only counted.
    pub fn counted(&self) -> u64 {
        self.counted
    }
}
