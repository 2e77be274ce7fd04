//! Disks of a desktop: a backing chain ([`BackingChain`]) of raw and qcow2 images (QEMU's
//! `docs/interop/qcow2.rst`).
//!
//! Images are open files: the crate opens no path, and reports but never follows the name of a backing file
//! in an image. It is independent of virtio, guests and machines.
//!
//! Every byte of an image is hostile: no table of an image makes this crate panic, loop, recurse, or allocate
//! memory in proportion to the sizes in the image.

mod backing;
mod backing_chain;
mod error;
mod file;
mod inspect;
mod io_buffers;
mod limits;
mod lock;
mod qcow2;

pub use backing_chain::{BackingChain, ImageSource};
pub use error::{ImageError, is_no_space};
pub use inspect::{ImageInfo, inspect};
pub use io_buffers::IoBuffers;
pub use limits::{MAX_DISK_LEN, MAX_LAYERS, SECTOR_LEN};
pub use qcow2::{BackingFile, CheckReport, check, create_overlay};
