//! Properties of images, read from their headers.

use crate::error::ImageError;
use crate::file::ImageFile;
use crate::limits::{MAX_DISK_LEN, SECTOR_LEN};
use crate::qcow2::Header;
use oriel_vmm_api::DiskFormat;
use serde::Serialize;
use std::fs::File;

/// Properties of an image, as `qemu-img info` prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInfo {
    /// Format of the image.
    pub format: DiskFormat,
    /// Size of the disk in bytes.
    pub virtual_size: u64,
    /// Name of the backing file in the header: untrusted, never to be opened unchecked.
    pub backing: Option<String>,
}

/// Reads the header of `file`, an image of the given format. The format is never guessed: a guest can write
/// any header to its raw disk.
///
/// # Errors
/// An [`ImageError`] when the file cannot be read or cannot be a disk of this format.
pub fn inspect(file: File, format: DiskFormat) -> Result<ImageInfo, ImageError> {
    let file = ImageFile::new(file);
    Ok(match format {
        DiskFormat::Raw => ImageInfo { format, virtual_size: raw_len(&file)?, backing: None },
        DiskFormat::Qcow2 => {
            let header = Header::read(&file)?;
            ImageInfo { format, virtual_size: header.size, backing: header.backing }
        }
    })
}

/// Returns the length of a raw image in bytes, after a check that it is a valid size of a disk.
pub(crate) fn raw_len(file: &ImageFile) -> Result<u64, ImageError> {
    match file.len()? {
        len if len == 0 || !len.is_multiple_of(SECTOR_LEN) => Err(ImageError::Length(len)),
        len if len > MAX_DISK_LEN => Err(ImageError::TooLarge(len)),
        len => Ok(len),
    }
}
