//! Why an image cannot be used, taken in or removed.

use std::io;
use std::path::{Path, PathBuf};

/// Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No such image.
    #[error(
        "There is no image {0}; `oriel image list` shows those there are, `oriel image build` or `import` makes one."
    )]
    Missing(String),
    /// There is something, but it is not whole.
    #[error("The image {name} is damaged ({problem}); build or import it again.")]
    Damaged {
        /// Which.
        name: String,
        /// How.
        problem: String,
    },
    /// The name cannot be an image's.
    #[error(
        "An image's name has 1 to 64 lower-case letters, digits, dots and dashes and begins with a letter; {0} has not."
    )]
    BadName(String),
    /// Nothing to make an image of.
    #[error("An image needs a disk or a kernel; name one with --disk or --kernel.")]
    Nothing,
    /// What was given as a kernel is none.
    #[error(
        "{0} is no kernel: neither a Linux bzImage nor an ELF for x86-64; give the image's vmlinuz with --kernel."
    )]
    NoKernel(PathBuf),
    /// The machine program did not like the disk, or something is wrong with what it found.
    #[error("{0}")]
    BadDisk(String),
    /// The disk stands on another file.
    #[error(
        "The disk {disk} stands on another file ({backing:?}), which is not followed; flatten it with: \
         qemu-img convert -O qcow2 {disk} flat.qcow2"
    )]
    Backed {
        /// Which.
        disk: PathBuf,
        /// As its header says.
        backing: String,
    },
    /// The disk of the host is full.
    #[error("There is no room for the image in {0}; free some and try again. Nothing of it was kept.")]
    NoRoom(PathBuf),
    /// It was called off.
    #[error("It was called off, and nothing was kept.")]
    Cancelled,
    /// Something stands on it.
    #[error("The image {name} is in use: {by}.")]
    InUse {
        /// Which.
        name: String,
        /// By what, and what to do.
        by: String,
    },
    /// The file system's.
    #[error("{path} cannot be used ({source}); check the path and its permissions.")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Puts the path to a failure of the file system.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    let path = path.to_owned();
    move |source| ImageError::Io { path, source }
}
