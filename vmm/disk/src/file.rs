//! File or block device that contains an image: reads, writes, deallocation and sync.

use crate::error::{ImageError, is_no_space};
use crate::io_buffers::{IoBuffers, IoMode};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use vmm_sys_util::fallocate::{FallocateMode, fallocate};

/// Open file or block device of an image.
pub(crate) struct ImageFile {
    file: File,
    /// Whether the file system lacks RWF_NOWAIT.
    lacks_nowait: AtomicBool,
    /// Changes of the file, for tests of power cuts.
    #[cfg(test)]
    pub changes: parking_lot::Mutex<Vec<Change>>,
}

/// Change of a file.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Written(u64, Vec<u8>),
    Synced,
}

impl ImageFile {
    /// Creates the image file of an open file.
    pub fn new(file: File) -> Self {
        Self {
            file,
            lacks_nowait: AtomicBool::new(false),
            #[cfg(test)]
            changes: parking_lot::Mutex::default(),
        }
    }

    /// Records a change, in tests.
    #[cfg(test)]
    fn record(&self, change: Change) {
        self.changes.lock().push(change);
    }

    /// Returns the length of the file or block device in bytes.
    pub fn len(&self) -> io::Result<u64> {
        // Unlike the metadata, seeking also reports the size of block devices.
        (&self.file).seek(SeekFrom::End(0))
    }

    /// Fills `buf` from byte `offset`; bytes beyond the end are zero.
    pub fn read(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.file.read_at(buf, offset) {
                Ok(0) => {
                    buf.fill(0);
                    return Ok(());
                }
                Ok(count) => {
                    buf = buf.get_mut(count..).unwrap_or_default();
                    offset = offset.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fills `buffers` from byte `offset`; bytes beyond the end are zero.
    ///
    /// # Errors
    /// The host's errors, and [`io::ErrorKind::WouldBlock`] where `mode` forbids to block.
    pub fn read_buffers(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()> {
        let rest = transfer(offset, buffers, |offset, buffers| self.read_some(offset, buffers, mode))?;
        rest.fill_zero();
        Ok(())
    }

    /// Reads a part of `buffers`; returns the number of bytes, 0 at the end of the file.
    fn read_some(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<usize> {
        let flags = match mode {
            IoMode::Blocking => 0,
            IoMode::NoWait if self.lacks_nowait.load(Ordering::Relaxed) => return Err(would_block()),
            IoMode::NoWait => libc::RWF_NOWAIT,
        };
        let offset = i64::try_from(offset).map_err(io::Error::other)?;
        let iovecs = buffers.iovecs();
        // SAFETY: the vectors describe the volatile memory of `buffers`, which may change at any time.
        let count = unsafe {
            libc::preadv2(self.file.as_raw_fd(), iovecs.as_ptr(), iovecs.len() as i32, offset, flags)
        };
        match usize::try_from(count).map_err(|_| io::Error::last_os_error()) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) && mode == IoMode::NoWait => {
                self.lacks_nowait.store(true, Ordering::Relaxed);
                Err(would_block())
            }
            count => count,
        }
    }

    /// Fills `buf` from byte `offset`; an error if the file is too short.
    pub fn read_header(&self, offset: u64, buf: &mut [u8]) -> Result<(), ImageError> {
        self.file.read_exact_at(buf, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ImageError::Damaged("the file ends within its header"),
            _ => ImageError::Io(error),
        })
    }

    /// Writes all of `buf` at byte `offset`.
    pub fn write(&self, offset: u64, buf: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.record(Change::Written(offset, buf.to_vec()));
        self.file.write_all_at(buf, offset)
    }

    /// Writes all of `buffers` at byte `offset`.
    pub fn write_buffers(&self, offset: u64, buffers: IoBuffers) -> io::Result<()> {
        #[cfg(test)]
        {
            let mut bytes = vec![0; buffers.len()];
            buffers.copy_to(&mut bytes);
            self.record(Change::Written(offset, bytes));
        }
        let rest = transfer(offset, buffers, |offset, buffers| self.write_some(offset, buffers))?;
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Writes a part of `buffers`; returns the number of bytes.
    fn write_some(&self, offset: u64, buffers: IoBuffers) -> io::Result<usize> {
        let offset = i64::try_from(offset).map_err(io::Error::other)?;
        let iovecs = buffers.iovecs();
        // SAFETY: the vectors describe memory that lives as long as `buffers`.
        let count =
            unsafe { libc::pwritev(self.file.as_raw_fd(), iovecs.as_ptr(), iovecs.len() as i32, offset) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// Syncs completed writes to the medium (fdatasync(2)).
    pub fn sync(&self) -> io::Result<()> {
        // Whatever the reason, the host may have dropped what it could not put there, so this is no
        // error that is over once there is room.
        self.file.sync_data().map_err(|error| match is_no_space(&error) {
            true => io::Error::other(error),
            false => error,
        })?;
        #[cfg(test)]
        self.record(Change::Synced);
        Ok(())
    }

    /// Deallocates the range, which then reads as zeroes; false if the file system does not support holes.
    pub fn punch_hole(&self, offset: u64, len: u64) -> io::Result<bool> {
        self.allocate(FallocateMode::PunchHole, offset, len)
    }

    /// Zeroes the range and keeps its space allocated; false if the file system does not support that.
    pub fn zero_range(&self, offset: u64, len: u64) -> io::Result<bool> {
        self.allocate(FallocateMode::ZeroRange, offset, len)
    }

    /// Calls fallocate(2) with `mode`; false if the file system does not support the mode.
    fn allocate(&self, mode: FallocateMode, offset: u64, len: u64) -> io::Result<bool> {
        if len == 0 {
            return Ok(true);
        }
        #[cfg(test)]
        self.record(Change::Written(offset, vec![0; len as usize]));
        match fallocate(&self.file, mode, true, offset, len).map_err(io::Error::from) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Repeats `step`, which transfers a part of `buffers`, until all bytes are transferred. Returns the rest
/// when `step` transfers no more bytes.
fn transfer<'a>(
    mut offset: u64,
    mut buffers: IoBuffers<'a>,
    step: impl Fn(u64, IoBuffers<'a>) -> io::Result<usize>,
) -> io::Result<IoBuffers<'a>> {
    while !buffers.is_empty() {
        match step(offset, buffers) {
            Ok(0) => break,
            Ok(count) => {
                buffers = buffers.split_at(count).1;
                offset = offset.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffers)
}

/// Creates the error of an operation that would have to wait.
fn would_block() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}
