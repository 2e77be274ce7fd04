//! A desktop's disks: raw images and qcow2 images (QEMU's `docs/interop/qcow2.rst`), one on top of
//! the other. Images come as open files; no path is ever opened, and what an image says of files
//! below it is reported and never followed.
//!
//! Every byte of an image is hostile: no table in it makes this crate panic, loop, recurse or take
//! memory in proportion to what the image claims.

mod backing_chain;
mod error;
mod file;
mod inspect;
mod io_buffers;
mod lock;
mod qcow2;

pub use backing_chain::{BackingChain, ImageSource, is_no_space};
pub use error::ImageError;
pub use inspect::{ImageInfo, inspect};
pub use io_buffers::IoBuffers;
pub use qcow2::{BackingFile, CheckReport, check, create_overlay};

/// Bytes of the sectors that disks are counted in, whatever the disk's own are.
pub const SECTOR_LEN: u64 = 512;
/// The largest disk: 16 TiB.
pub const MAX_DISK_LEN: u64 = 16 << 40;
/// The most layers of one disk.
pub const MAX_LAYERS: usize = 16;
