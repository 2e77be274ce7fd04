//! Picture in memory that QEMU shares by file descriptor (`ScanoutMap`).

use super::layout::{SurfaceError, SurfaceLayout};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// Shared memory of a scanout. It is read with `pread` and never mapped: a compromised QEMU may truncate the
/// file at any time, which would raise SIGBUS in a process that reads a mapping.
pub(super) struct SharedMap {
    file: File,
    offset: u64,
    /// Validated layout of the picture.
    pub layout: SurfaceLayout,
}

impl SharedMap {
    /// Validates that `memory` is a regular file with a picture of `layout` at byte `offset`.
    ///
    /// # Errors
    /// [`SurfaceError::NotMemory`], [`SurfaceError::TooShort`], or the errors of [`SurfaceLayout::bytes`].
    pub fn new(memory: OwnedFd, offset: u32, layout: SurfaceLayout) -> Result<Self, SurfaceError> {
        let file = File::from(memory);
        let facts = file.metadata().map_err(SurfaceError::Unreadable)?;
        // A read of anything but a regular file (a pipe, a terminal) could block for ever.
        if !facts.is_file() {
            return Err(SurfaceError::NotMemory);
        }
        let needed = layout.bytes()?.checked_add(u64::from(offset)).ok_or(SurfaceError::TooLarge)?;
        if facts.len() < needed {
            return Err(SurfaceError::TooShort);
        }
        Ok(Self { file, offset: u64::from(offset), layout })
    }

    /// Reads `row.len()` bytes of the picture's row `y`, from byte `left` of the row on.
    ///
    /// # Errors
    /// [`SurfaceError::TooShort`] when the file was truncated, [`SurfaceError::Unreadable`] when reading
    /// fails.
    pub fn read_row(&self, y: u32, left: u64, row: &mut [u8]) -> Result<(), SurfaceError> {
        let start = u64::from(self.layout.stride) * u64::from(y) + left;
        self.file.read_exact_at(row, self.offset + start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SurfaceError::TooShort,
            _ => SurfaceError::Unreadable(error),
        })
    }
}
