//! The image files of a machine's disks, opened before the machine's process is jailed.

use oriel_disk::ImageError;
use oriel_vmm_api::Disk;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a disk cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the disk image {} cannot be used: {error}", path.display())]
pub struct DiskError {
    /// Path of the image file.
    pub path: PathBuf,
    /// What the image's parser or the system says.
    pub error: ImageError,
}

/// Opens the images of `disk`, the top one first. What comes after needs no path any more.
///
/// # Errors
/// When one of them is missing or not ours to open.
pub fn open(disk: &Disk) -> Result<Vec<File>, DiskError> {
    let open = |path: &Path, writable| {
        let file = File::options().read(true).write(writable).open(path);
        file.map_err(|error| DiskError { path: path.to_owned(), error: error.into() })
    };
    let below = disk.backing.iter().map(|layer| open(&layer.path, false));
    std::iter::once(open(&disk.path, !disk.read_only)).chain(below).collect()
}
