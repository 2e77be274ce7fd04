//! Images: what a desktop's machine starts from.
//!
//! `store` is the content-addressed store and tells how it lies on the disk, `import` takes images in, `digest` names blobs,
//! `build` runs recipes, and `disk_tool` reads disks that strangers made, in a process of its own. Of desktops the store knows
//! their folders, because a blob stays for as long as a desktop's disk lies over it.

mod build;
mod desktop_image;
mod digest;
mod disk_tool;
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
pub(crate) use desktop_image::{DesktopImage, RootDisk, generation_id};
pub use digest::Digest;
pub use disk_tool::{DiskFacts, DiskTool};
pub use error::ImageError;
pub use image::{Image, ImageDisk, ImageReference};
pub use import::{Imported, NewImage, Progress, import, take_folder, take_old_folders};
pub use manifest::{Manifest, RunsAt};
pub use store::{ImageStore, ImageUser, StoreLock};
pub use verify::{Verdict, verify};
pub use version::{Blob, DiskBlob, Version};
