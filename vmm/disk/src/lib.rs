//! Disks of a desktop: a backing chain ([`BackingChain`]) of raw and qcow2 images (QEMU's
//! `docs/interop/qcow2.rst`).
//!
//! Images come as open files: this crate opens no path, and reports but never follows the name of a
//! backing file in an image. It must not know virtio, guests or machines.
//!
//! Every byte of an image is hostile: no table in an image makes this crate panic, loop, recurse or take
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

/// Size in bytes of the sectors that disks are counted in, whatever the disk's own are.
pub const SECTOR_LEN: u64 = 512;
/// Maximum size of a disk in bytes: 16 TiB.
pub const MAX_DISK_LEN: u64 = 16 << 40;
/// Maximum number of images of one disk.
pub const MAX_LAYERS: usize = 16;
