//! Why an image cannot be a disk.

use crate::{MAX_DISK_LEN, MAX_LAYERS};
use std::io;

/// What is wrong with an image; its name is the caller's to say.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The host.
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Another process has it.
    #[error("it is in use by another machine; stop that one first")]
    InUse,
    /// Not whole sectors, or none.
    #[error("it has {0} bytes, which is not a positive multiple of 512; it is damaged or not a raw image")]
    Length(u64),
    /// Larger than this crate goes.
    #[error("it is a disk of {0} bytes; the largest is {MAX_DISK_LEN}")]
    TooLarge(u64),
    /// No qcow2 header.
    #[error("it is not a qcow2 image")]
    NotQcow2,
    /// Another version of the format.
    #[error("it is qcow2 version {0}; only versions 2 and 3 are read")]
    Version(u32),
    /// The header or a table contradicts itself or the file.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Something that is refused by design or not supported.
    #[error("it uses {0}, which is not supported; convert it with `qemu-img convert -O qcow2`")]
    Unsupported(&'static str),
    /// A feature that came after this program.
    #[error(
        "it uses features that are not known here (bits {0:#x}); convert it with `qemu-img convert -O qcow2`"
    )]
    UnknownFeatures(u64),
    /// Left dirty or marked corrupt.
    #[error("it was {0}; repair it with `qemu-img check -r all` first")]
    NeedsRepair(&'static str),
    /// An overlay whose lower layer was not given.
    #[error("it is an overlay over {0:?}, and no layer below it was given")]
    BackingMissing(String),
    /// Layers below an image that is whole by itself.
    #[error("it is no overlay, so no layer can lie below it")]
    NoOverlay,
    /// Too deep.
    #[error("a disk has at most {MAX_LAYERS} layers")]
    TooManyLayers,
    /// What was asked for cannot be made.
    #[error(
        "a disk of {0} bytes cannot be made: it takes a positive multiple of 512, at most {MAX_DISK_LEN}"
    )]
    BadSize(u64),
    /// A name for the header that does not fit there.
    #[error("the name of a backing file has 1 to 1023 bytes")]
    BadBackingName,
}

/// An error of a request for an image that turned out to be damaged while it was used.
pub(crate) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, ImageError::Damaged(what))
}
