//! What an image is, told from its header.

use crate::file::ImageFile;
use crate::qcow2::Header;
use crate::{ImageError, MAX_DISK_LEN, SECTOR_LEN};
use oriel_vmm_api::DiskFormat;
use serde::Serialize;
use std::fs::File;

/// An image's facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInfo {
    /// How its bytes lie.
    pub format: DiskFormat,
    /// The disk's length in bytes.
    pub virtual_size: u64,
    /// What its header calls the file below it: a claim, never to be opened unchecked.
    pub backing: Option<String>,
}

/// Reads the header of `file`. Without a `format` one that begins as a qcow2 image does is one, and
/// anything else is raw: whoever wrote a raw disk's first sector can make it look like qcow2, so
/// ask only of images whose maker is trusted to say what they are.
///
/// # Errors
/// When the file cannot be read or cannot be a disk of this format.
pub fn inspect(file: File, format: Option<DiskFormat>) -> Result<ImageInfo, ImageError> {
    let file = ImageFile::new(file);
    let format = match format {
        Some(format) => format,
        None if Header::begins(&file)? => DiskFormat::Qcow2,
        None => DiskFormat::Raw,
    };
    Ok(match format {
        DiskFormat::Raw => ImageInfo { format, virtual_size: raw_len(&file)?, backing: None },
        DiskFormat::Qcow2 => {
            let header = Header::read(&file)?;
            ImageInfo { format, virtual_size: header.size, backing: header.backing }
        }
    })
}

/// The length of a raw image, if that is a disk's.
pub(crate) fn raw_len(file: &ImageFile) -> Result<u64, ImageError> {
    match file.len()? {
        len if len == 0 || !len.is_multiple_of(SECTOR_LEN) => Err(ImageError::Length(len)),
        len if len > MAX_DISK_LEN => Err(ImageError::TooLarge(len)),
        len => Ok(len),
    }
}
