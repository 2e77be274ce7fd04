//! Errors of disk images, as sentence fragments that follow the image's name.

use crate::limits::{MAX_DISK_LEN, MAX_LAYERS};
use std::io;

/// Error of a disk image; the caller adds the image's name in front.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The host failed to read or write the file.
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Another process has locked the image.
    #[error("it is in use by another machine; stop that one first")]
    InUse,
    /// The raw image has no bytes or a partial sector.
    #[error("it has {0} bytes, which is not a positive multiple of 512; it is damaged or not a raw image")]
    Length(u64),
    /// The disk is larger than [`MAX_DISK_LEN`].
    #[error("it is a disk of {0} bytes; the largest is {MAX_DISK_LEN}")]
    TooLarge(u64),
    /// The file does not begin with a qcow2 header.
    #[error("it is not a qcow2 image")]
    NotQcow2,
    /// The qcow2 version is not 2 or 3.
    #[error("it is qcow2 version {0}; only versions 2 and 3 are read")]
    Version(u32),
    /// The qcow2 header or a table contradicts itself or the file.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The image uses a known feature that is not supported.
    #[error("it uses {0}, which is not supported; convert it with `qemu-img convert -O qcow2`")]
    Unsupported(&'static str),
    /// The image uses unknown incompatible features.
    #[error(
        "it uses features that are not known here (bits {0:#x}); convert it with `qemu-img convert -O qcow2`"
    )]
    UnknownFeatures(u64),
    /// The image was left dirty or is marked corrupt.
    #[error("it was {0}; repair it with `qemu-img check -r all` first")]
    NeedsRepair(&'static str),
    /// The image is an overlay and no backing image was given.
    #[error("it is an overlay over {0:?}, and no layer below it was given")]
    BackingMissing(String),
    /// Backing images were given for an image that is no overlay.
    #[error("it is no overlay, so no layer can lie below it")]
    NoOverlay,
    /// The backing chain is longer than [`MAX_LAYERS`].
    #[error("a disk has at most {MAX_LAYERS} layers")]
    TooManyLayers,
    /// The size of a new image is out of range.
    #[error(
        "a disk of {0} bytes cannot be made: it takes a positive multiple of 512, at most {MAX_DISK_LEN}"
    )]
    BadSize(u64),
    /// The name of a backing file does not fit into the header.
    #[error("the name of a backing file has 1 to 1023 bytes")]
    BadBackingName,
}

/// Creates the error of a request to an image that is found damaged at runtime.
pub(crate) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, ImageError::Damaged(what))
}

/// Whether an error is ENOSPC, EDQUOT or EFBIG: the host has no space for the image, or allows it no more
/// (RLIMIT_FSIZE, largest file of the file system). An administrator can repair all of them.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG))
}
