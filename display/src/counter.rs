//! Counter type of all of Oriel's processes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Monotonic event counter, shared between threads without a lock; wraps after 2^64 events.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one event.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Counts `n` events, or the `n` units (bytes, microseconds, …) of one event.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Returns the sum of all counts so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
