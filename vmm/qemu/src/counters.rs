//! What a machine counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one machine; all but the balloon's size count up from its start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Pictures and parts of pictures that QEMU sent.
    pub updates: AtomicU64,
    /// Their pixels in bytes, as QEMU sent them.
    pub picture_bytes: AtomicU64,
    /// Messages of the display that made no sense and were refused.
    pub display_refused: AtomicU64,
    /// Actions that reached QEMU.
    pub inputs: AtomicU64,
    /// Actions dropped because too many were waiting.
    pub inputs_dropped: AtomicU64,
    /// Actions that QEMU refused, or that no guest keyboard has a code for.
    pub inputs_refused: AtomicU64,
    /// Bytes of the guest's serial console.
    pub serial_bytes: AtomicU64,
    /// Resets, asked for by the guest or by a user.
    pub resets: AtomicU64,
    /// Times QEMU stopped the guest because the host's disk was full or failing.
    pub disk_pauses: AtomicU64,
    /// What the guest leaves to the host.
    pub balloon_mib: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counters {
    /// All of them by name.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        [
            ("updates", &self.updates),
            ("picture_bytes", &self.picture_bytes),
            ("display_refused", &self.display_refused),
            ("inputs", &self.inputs),
            ("inputs_dropped", &self.inputs_dropped),
            ("inputs_refused", &self.inputs_refused),
            ("serial_bytes", &self.serial_bytes),
            ("resets", &self.resets),
            ("disk_pauses", &self.disk_pauses),
            ("balloon_mib", &self.balloon_mib),
        ]
        .into_iter()
        .map(|(name, counter)| (name.to_owned(), counter.load(Relaxed)))
        .collect()
    }
}
