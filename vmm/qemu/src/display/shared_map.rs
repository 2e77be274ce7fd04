//! A surface in memory that QEMU shares by descriptor.

use super::layout::{SurfaceError, SurfaceLayout};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// The memory behind a scanout. It is read with `pread` and never mapped: a QEMU taken over by its
/// guest may cut the file short at any time, which ends whoever reads a mapping of it.
pub(super) struct SharedMap {
    file: File,
    offset: u64,
    /// Its layout, with as many bytes in a row as [`SurfaceLayout::stride`].
    pub layout: SurfaceLayout,
}

impl SharedMap {
    /// Takes `memory` if it can hold `layout` at `offset`.
    pub fn new(memory: OwnedFd, offset: u32, layout: SurfaceLayout) -> Result<Self, SurfaceError> {
        let file = File::from(memory);
        let facts = file.metadata().map_err(SurfaceError::Unreadable)?;
        // Reading anything but a file (a pipe, a terminal) could block for ever.
        if !facts.is_file() {
            return Err(SurfaceError::NotMemory);
        }
        let needed = layout.bytes()?.checked_add(u64::from(offset)).ok_or(SurfaceError::TooLarge)?;
        if facts.len() < needed {
            return Err(SurfaceError::TooShort);
        }
        Ok(Self { file, offset: u64::from(offset), layout })
    }

    /// Reads the bytes of row `y` from byte `left`.
    pub fn read_row(&self, y: u32, left: u64, row: &mut [u8]) -> Result<(), SurfaceError> {
        let start = u64::from(self.layout.stride) * u64::from(y) + left;
        self.file.read_exact_at(row, self.offset + start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SurfaceError::TooShort,
            _ => SurfaceError::Unreadable(error),
        })
    }
}
