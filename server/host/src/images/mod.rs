//! Images from which desktops start: the store, imports, builds by recipe, and root disks.
//!
//! `store` is the content-addressed store, `import` and `staging` add images, `digest` and `sparse` name and
//! copy blobs, `build` runs recipes. `disk_format` and `kernel` recognise files by their signatures; untrusted
//! disk files are parsed by a separate process, through `disk_tool`. The store reads desktops' folders, because a blob must stay while a root disk lies over it.

mod build;
mod desktop_image;
mod digest;
mod disk_format;
mod disk_tool;
mod error;
mod image;
mod import;
mod kernel;
mod manifest;
mod sparse;
mod staging;
mod store;
mod verify;
mod version;

pub use build::{BuildLine, build, parse_build_line};
pub(crate) use desktop_image::{DesktopImage, RootDisk, generation_id};
pub use digest::Digest;
pub use disk_tool::{DiskFacts, DiskTool};
pub use error::ImageError;
pub use image::{Image, ImageDisk, ImageReference};
pub use import::{Imported, NewImage, Progress, import, take_folder};
pub use manifest::{ImageFiles, Manifest, RunsAt};
pub use store::{ImageStore, ImageUser, StoreLock};
pub use verify::{Verdict, verify};
pub use version::{Blob, DiskBlob, Version};
