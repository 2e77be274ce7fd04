//! Opening of the image files of disks, before the machine's process enters its jail.
//!
//! The images' contents are parsed later, in the jail, by `oriel-disk`. QEMU's disks are opened by
//! `oriel-qemu`.

use oriel_disk::ImageError;
use oriel_vmm_api::Disk;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Reason for which a disk image cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the disk image {} cannot be used: {error}", path.display())]
pub struct DiskError {
    /// Path of the image file.
    pub path: PathBuf,
    /// Error of the system or of the image's parser.
    pub error: ImageError,
}

/// Opens the image files of `disk`: the uppermost layer first, writable unless the disk is read-only, then
/// the backing layers for reading.
///
/// # Errors
/// A [`DiskError`] for the first file that is missing or that this process may not open.
pub fn open(disk: &Disk) -> Result<Vec<File>, DiskError> {
    let open = |path: &Path, writable| {
        let file = File::options().read(true).write(writable).open(path);
        file.map_err(|error| DiskError { path: path.to_owned(), error: error.into() })
    };
    let below = disk.backing.iter().map(|layer| open(&layer.path, false));
    std::iter::once(open(&disk.path, !disk.read_only)).chain(below).collect()
}
