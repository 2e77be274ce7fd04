//! Reads and writes of qcow2 images (QEMU's `docs/interop/qcow2.rst`).
//!
//! A disk is cut into clusters. The L1 table points to L2 tables, whose entries say where in the
//! file each cluster of the disk lies, or that it reads as zeroes, or that the layer below has it.
//! Reference counts say which clusters of the file are in use.
//!
//! What keeps an image whole when the host dies is the order of writes: a cluster's data and its
//! reference count are on the medium before a table points to it, and nothing points to it any more
//! before its reference count falls. Whatever is lost on the way leaks clusters and no more.

mod check;
mod compressed;
mod create;
mod discard;
mod entry;
mod flush;
mod header;
mod image;
mod mapping;
#[cfg(test)]
mod power_cut;
mod refcounts;
mod table_cache;
mod write;

pub(crate) use header::Header;
pub(crate) use image::Image;

pub use check::{CheckReport, check};
pub use create::{BackingFile, create_overlay};
