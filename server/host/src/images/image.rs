//! Image with the paths of its files, as a machine's configuration needs it.

use super::error::ImageError;
use super::manifest::{Manifest, RunsAt};
use super::store::ImageStore;
use super::version::Version;
use oriel_vmm_api::DiskFormat;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Reference to an image in the store, optionally to one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageReference {
    /// Name of the image.
    pub name: String,
    /// Number of the version; `None` selects the newest version when the root disk is made.
    pub version: Option<u32>,
}

/// Version of an image with the paths of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Name of the image.
    pub name: String,
    /// Path of the kernel: a Linux bzImage or an ELF with a PVH note; `None` boots the disk by firmware.
    pub kernel: Option<PathBuf>,
    /// Path of the initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    pub cmdline: String,
    /// Minimum memory in MiB with which the guest boots; 0 sets no minimum.
    pub min_memory_mib: u32,
    /// Privilege level at which the guest runs.
    pub runs_at: RunsAt,
    /// Disk below the desktops' root disks.
    pub disk: Option<ImageDisk>,
}

/// Disk of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDisk {
    /// Path of the disk's file.
    pub path: PathBuf,
    /// Format of the disk's file.
    pub format: DiskFormat,
    /// Size of the disk in bytes, as the guest sees it.
    pub virtual_size: u64,
}

impl Image {
    /// Returns the newest version of an image in the store.
    ///
    /// # Errors
    /// The image is missing or damaged.
    pub fn newest(store: &ImageStore, name: &str) -> Result<Self, ImageError> {
        Self::of_version(store, &store.newest(name)?)
    }

    /// Returns the image of a version in the store, after a check that its blobs exist with the right
    /// lengths. The contents are not read.
    ///
    /// # Errors
    /// [`ImageError::Damaged`] if a blob is missing or has another length.
    pub fn of_version(store: &ImageStore, version: &Version) -> Result<Self, ImageError> {
        for (digest, bytes) in version.blobs() {
            let damaged = |problem| ImageError::Damaged { name: version.name.clone(), problem };
            match std::fs::symlink_metadata(store.blob(&digest)) {
                Ok(metadata) if !metadata.is_file() => {
                    return Err(damaged(format!("the blob {digest} is no file")));
                }
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

    /// Reads the image in a folder with an `image.toml`: a recipe's output, or a desktop's full copy of an
    /// image.
    ///
    /// # Errors
    /// [`ImageError::Missing`] or [`ImageError::Damaged`] for the folder or a file in it.
    pub fn of_folder(dir: &Path, name: &str) -> Result<Self, ImageError> {
        let (manifest, files) = Manifest::of_folder(dir, name)?;
        let disk = manifest.disk.map(|file| dir.join(file));
        let virtual_size = files.disk.and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
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
