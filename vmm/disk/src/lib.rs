//! A desktop's disks: raw images and qcow2 images (QEMU's `docs/interop/qcow2.rst`), one on top of
//! the other. Images come as open files; no path is ever opened, and what an image says of files
//! below it is reported and never followed.
//!
//! Every byte of an image is hostile: no table in it makes this crate panic, loop, recurse or take
//! memory in proportion to what the image claims.

mod error;
mod file;
mod inspect;
mod lock;
mod pieces;
mod qcow2;
mod stack;

pub use error::ImageError;
pub use inspect::{Info, inspect};
pub use pieces::Pieces;
pub use qcow2::{Backing, CheckReport, check, create_overlay};
pub use stack::{DiskStack, Source, is_no_space};

/// Bytes of the sectors that disks are counted in, whatever the disk's own are.
pub const SECTOR_LEN: u64 = 512;
/// The largest disk: 16 TiB.
pub const MAX_DISK_LEN: u64 = 16 << 40;
/// The most layers of one disk.
pub const MAX_LAYERS: usize = 16;
