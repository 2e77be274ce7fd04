//! A surface in memory that QEMU shares by descriptor.

use super::surface::{PictureError, Scanout};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// The memory behind a scanout. It is read with `pread` and never mapped: a QEMU taken over by its
/// guest may cut the file short at any time, which ends whoever reads a mapping of it.
pub(super) struct SharedMap {
    file: File,
    offset: u64,
    /// Its shape, with as many bytes in a row as [`Scanout::stride`].
    pub shape: Scanout,
}

impl SharedMap {
    /// Takes `memory` if it can hold `shape` at `offset`.
    pub fn new(memory: OwnedFd, offset: u32, shape: Scanout) -> Result<Self, PictureError> {
        let file = File::from(memory);
        let facts = file.metadata().map_err(PictureError::Unreadable)?;
        // Reading anything but a file (a pipe, a terminal) could block for ever.
        if !facts.is_file() {
            return Err(PictureError::NotMemory);
        }
        let needed = shape.bytes()?.checked_add(u64::from(offset)).ok_or(PictureError::TooLarge)?;
        if facts.len() < needed {
            return Err(PictureError::TooShort);
        }
        Ok(Self { file, offset: u64::from(offset), shape })
    }

    /// Reads the bytes of row `y` from byte `left`.
    pub fn read_row(&self, y: u32, left: u64, row: &mut [u8]) -> Result<(), PictureError> {
        let start = u64::from(self.shape.stride) * u64::from(y) + left;
        self.file.read_exact_at(row, self.offset + start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => PictureError::TooShort,
            _ => PictureError::Unreadable(error),
        })
    }
}
