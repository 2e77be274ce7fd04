//! Counters of one machine, which the control socket reports by name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one machine since its start; `balloon_mib` is a current value.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Display updates from QEMU: whole pictures and changed rectangles.
    pub updates: AtomicU64,
    /// Bytes of pixels that QEMU sent over D-Bus; pixels in shared memory are not counted.
    pub picture_bytes: AtomicU64,
    /// Invalid messages of QEMU's display, which were refused.
    pub display_refused: AtomicU64,
    /// Input events that QEMU accepted.
    pub inputs: AtomicU64,
    /// Input events dropped because the input queue was full or ended.
    pub inputs_dropped: AtomicU64,
    /// Input events that QEMU refused, or whose key has no QEMU key number.
    pub inputs_refused: AtomicU64,
    /// Bytes from the guest's serial line.
    pub serial_bytes: AtomicU64,
    /// Resets, caused by the guest or by a user.
    pub resets: AtomicU64,
    /// Pauses of the guest by QEMU because the host's disk was full.
    pub disk_pauses: AtomicU64,
    /// Current size of the balloon in MiB: guest memory that is given back to the host.
    pub balloon_mib: AtomicU64,
}

/// Adds 1 to a counter.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Counters {
    /// Returns the current values by counter name.
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
