//! An image as desktops use it: its files where they lie.

use super::error::ImageError;
use super::manifest::{Manifest, RunsAt};
use super::store::ImageStore;
use super::version::Version;
use oriel_vmm_api::DiskFormat;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An image by its name, and perhaps its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageReference {
    /// The image's name in the store.
    pub name: String,
    /// The version's number; `None`: the newest when the desktop's disk is made.
    pub version: Option<u32>,
}

/// An image whose files are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The image's name.
    pub name: String,
    /// A Linux bzImage or an ELF with a PVH note; without one, firmware boots the disk.
    pub kernel: Option<PathBuf>,
    /// Initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    pub cmdline: String,
    /// The least memory in MiB with which the guest comes up.
    pub min_memory_mib: u32,
    /// Where the guest spends its life.
    pub runs_at: RunsAt,
    /// The guest's first disk.
    pub disk: Option<ImageDisk>,
}

/// An image's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDisk {
    /// The disk's file.
    pub path: PathBuf,
    /// How the disk's bytes lie in its file.
    pub format: DiskFormat,
    /// The size that the guest sees, in bytes.
    pub virtual_size: u64,
}

impl Image {
    /// The image of a version in the store.
    ///
    /// # Errors
    /// A blob is missing or has another length.
    pub fn of_version(store: &ImageStore, version: &Version) -> Result<Self, ImageError> {
        for (digest, bytes) in version.blobs() {
            let damaged = |problem| ImageError::Damaged { name: version.name.clone(), problem };
            match std::fs::metadata(store.blob(&digest)) {
                Ok(metadata) if metadata.len() == bytes => {}
                Ok(metadata) => {
                    let length = metadata.len();
                    return Err(damaged(format!("the blob {digest} has {length} bytes instead of {bytes}")));
                }
                Err(error) => return Err(damaged(format!("the blob {digest}: {error}"))),
            }
        }
        Ok(Self {
            name: version.name.clone(),
            kernel: version.kernel.as_ref().map(|blob| store.blob(&blob.digest)),
            initrd: version.initrd.as_ref().map(|blob| store.blob(&blob.digest)),
            cmdline: version.cmdline.clone(),
            min_memory_mib: version.min_memory_mib,
            runs_at: version.runs_at,
            disk: version.disk.as_ref().map(|disk| ImageDisk {
                path: store.blob(&disk.digest),
                format: disk.format,
                virtual_size: disk.virtual_size,
            }),
        })
    }

    /// The image in a folder with an `image.toml`: a recipe's result, or a desktop's whole copy of an image.
    ///
    /// # Errors
    /// The folder or a file in it is missing or damaged.
    pub fn of_folder(dir: &Path, name: &str) -> Result<Self, ImageError> {
        let manifest = Manifest::of_folder(dir, name)?;
        let disk = manifest.disk.map(|file| dir.join(file));
        let virtual_size = disk.as_ref().and_then(|path| path.metadata().ok()).map_or(0, |file| file.len());
        Ok(Self {
            name: manifest.name,
            kernel: Some(dir.join(manifest.kernel)),
            initrd: manifest.initrd.map(|file| dir.join(file)),
            cmdline: manifest.cmdline,
            min_memory_mib: manifest.min_memory_mib,
            runs_at: manifest.runs_at,
            disk: disk.map(|path| ImageDisk { path, format: DiskFormat::Raw, virtual_size }),
        })
    }
}
