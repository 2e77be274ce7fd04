//! What a disk cannot deal with alone.

/// A host without room is for a person to mend, so the guest is not told of it: its request waits,
/// and the machine had better not go on until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFullEvent {
    /// A write found no room. Said again at every try that found none.
    NoSpace,
    /// No request waits for room any more.
    Resolved,
}

/// Hears of a disk's trouble, on its worker threads; must not block.
pub type DiskFullHandler = Box<dyn Fn(DiskFullEvent) + Send + Sync>;
