//! Errors of images: use, import, verification and removal.

use std::io;
use std::path::{Path, PathBuf};

/// Error of an operation on images. Each text is a sentence with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The store has no image of the name.
    #[error(
        "There is no image {0}; `oriel image list` shows all images, `oriel image build` or `import` makes one."
    )]
    Missing(String),
    /// A manifest or a blob of the image is missing or invalid.
    #[error("The image {name} is damaged ({problem}); build or import it again.")]
    Damaged {
        /// Name of the image.
        name: String,
        /// Description of the damage, a clause.
        problem: String,
    },
    /// The name is not valid for an image.
    #[error(
        "An image's name has 1 to 64 lower-case letters, digits, dots and dashes and begins with a letter; {0} has not."
    )]
    BadName(String),
    /// An import names neither a disk nor a kernel.
    #[error("An image needs a disk or a kernel; name one with --disk or --kernel.")]
    Nothing,
    /// The file given as a kernel is neither a Linux bzImage nor an ELF for x86-64.
    #[error(
        "{0} is no kernel: neither a Linux bzImage nor an ELF for x86-64; give the image's vmlinuz with --kernel."
    )]
    NoKernel(PathBuf),
    /// The disk's file is not a valid disk image, or could not be inspected; one sentence.
    #[error("{0}")]
    BadDisk(String),
    /// The disk's file has a format that is not supported.
    #[error("{disk} is {what}, and Oriel takes raw and qcow2 disks; {remedy}")]
    ForeignFormat {
        /// Path of the disk's file.
        disk: PathBuf,
        /// Name of the format with its article.
        what: &'static str,
        /// What to do, a clause that ends with the command.
        remedy: String,
    },
    /// The disk's file has no signature of a disk.
    #[error(
        "{0} is not recognised as a disk: it has neither a partition table nor a known file system; add --format raw \
         if its bytes are the disk's"
    )]
    UnknownFormat(PathBuf),
    /// The disk has a backing file, which is not supported for imports.
    #[error(
        "The disk {disk} has a backing file ({backing:?}), which is not supported; if that file belongs to \
         the disk, flatten it with: qemu-img convert -f qcow2 -O qcow2 {disk} flat.qcow2"
    )]
    Backed {
        /// Path of the disk's file.
        disk: PathBuf,
        /// Name of the backing file in the disk's header.
        backing: String,
    },
    /// The file system of the store is full.
    #[error("There is no room for the image in {0}; free some and try again. Nothing of it was kept.")]
    NoRoom(PathBuf),
    /// The operation was cancelled.
    #[error("The operation was cancelled, and nothing was kept.")]
    Cancelled,
    /// A pool or a root disk uses the image.
    #[error("The image {name} is in use: {by}.")]
    InUse {
        /// Name of the image.
        name: String,
        /// User of the image and what to do, a clause.
        by: String,
    },
    /// A file operation failed.
    #[error("{path} cannot be used ({source}); check the path and its permissions.")]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error of the file system.
        source: io::Error,
    },
}

/// Returns a function that adds a path to an error of the file system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    let path = path.to_owned();
    move |source| ImageError::Io { path, source }
}
