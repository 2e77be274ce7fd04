//! Images: what a desktop's machine starts from.
//!
//! [`store`] is the content-addressed store and tells how it lies on the disk, [`import`] takes
//! images in, [`digest`] names blobs, [`build`] runs recipes.

mod build;
mod digest;
mod disk_program;
mod error;
mod image;
mod import;
mod manifest;
mod sparse;
mod staging;
mod store;
mod verify;
mod version;

pub use build::{BuildLine, build, parse_build_line};
pub use digest::Digest;
pub use disk_program::{DiskFacts, DiskProgram};
pub use error::ImageError;
pub use image::{Image, ImageDisk};
pub use import::{Imported, NewImage, Progress, import, take_folder, take_old_folders};
pub use manifest::{Manifest, RunsAt};
pub use store::{ImageStore, Standing, StoreLock};
pub use verify::{Verdict, verify};
pub use version::{Blob, DiskBlob, Version};
