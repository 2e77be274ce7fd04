//! Sizes and limits of disks.

/// Size in bytes of the sectors that disks are counted in, whatever the disk's own are.
pub const SECTOR_LEN: u64 = 512;
/// Maximum size of a disk in bytes: 16 TiB.
pub const MAX_DISK_LEN: u64 = 16 << 40;
/// Maximum number of images of one disk.
pub const MAX_LAYERS: usize = 16;
