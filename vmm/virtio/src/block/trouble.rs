//! What a disk cannot deal with alone.

/// A host without room is for a person to mend, so the guest is not told of it: its request waits,
/// and the machine had better not go on until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskTrouble {
    /// A write found no room. Said again at every try that found none.
    Full,
    /// No request waits for room any more.
    Over,
}

/// Hears of a disk's trouble, on its worker threads; must not block.
pub type Report = Box<dyn Fn(DiskTrouble) + Send + Sync>;
