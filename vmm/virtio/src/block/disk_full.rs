//! Events of a disk whose host file system is full.

/// Change of a disk's wait for space on the host.
///
/// The guest gets no error: its write waits until an administrator makes space, and the machine
/// should be paused meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFullEvent {
    /// A write failed with ENOSPC, EDQUOT or EFBIG and waits; sent again after every failed retry.
    NoSpace,
    /// Writes do not wait for space any more.
    Resolved,
}

/// Callback for a disk's [`DiskFullEvent`]s, called on worker threads; must not block.
pub type DiskFullHandler = Box<dyn Fn(DiskFullEvent) + Send + Sync>;
