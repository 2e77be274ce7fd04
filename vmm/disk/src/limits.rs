//! Sizes and limits of disks.

/// Size in bytes of the sectors that disk sizes are multiples of, whatever sectors a disk reports to the
/// guest.
pub const SECTOR_LEN: u64 = 512;
/// Maximum size of a disk in bytes: 16 TiB.
pub const MAX_DISK_LEN: u64 = 16 << 40;
/// Maximum number of images of a disk, with the active image.
pub const MAX_LAYERS: usize = 16;
