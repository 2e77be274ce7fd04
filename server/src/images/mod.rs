//! Images: what a desktop's machine starts from.
//!
//! An image is a folder `images/NAME` with an `image.toml` and the files that it names.

mod build;
mod manifest;
mod sparse;
mod store;

pub use build::{BuildLine, build, parse_build_line};
pub use manifest::{Manifest, RunsAt};
pub use sparse::{CopyError, copy_sparse};
pub use store::{Image, ImageError, ImageStore, NewImage};
