//! Reads and writes of qcow2 images (QEMU's `docs/interop/qcow2.rst`).
//!
//! A disk consists of clusters. The L1 table points to L2 tables, whose entries contain the offset of each
//! cluster in the file, or that it reads as zeroes or from the backing image. Reference counts record which
//! clusters of the file are in use.
//!
//! The order of writes keeps an image consistent when the host crashes. A cluster's data and reference count
//! are on the medium before a table points to it, and no table points to it before its reference count is
//! lowered. A crash in between only leaks clusters.

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
