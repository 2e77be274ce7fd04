//! The raw image behind a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use vmm_sys_util::fallocate::{FallocateMode, fallocate};

/// Bytes of the sectors that virtio-blk counts in, whatever the disk's own are.
pub const SECTOR_LEN: u64 = 512;

/// Why an image cannot be a disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Missing, or not ours to open.
    #[error("the disk image {} cannot be opened: {source}", path.display())]
    Open {
        /// The image.
        path: PathBuf,
        /// What the host said.
        source: io::Error,
    },
    /// Another process has it.
    #[error("the disk image {} is in use by another machine; stop that one first", path.display())]
    InUse {
        /// The image.
        path: PathBuf,
    },
    /// Not whole sectors, or none.
    #[error("the disk image {} has {len} bytes, which is not a positive multiple of 512; it is damaged or not a raw image", path.display())]
    Length {
        /// The image.
        path: PathBuf,
        /// Its length.
        len: u64,
    },
}

/// An open, locked image whose length stays as it is.
pub struct Image {
    file: File,
    len: u64,
    read_only: bool,
}

impl Image {
    /// Opens and locks `path`: one machine may write to it, or several may read.
    pub fn open(path: &Path, read_only: bool) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Open { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(!read_only).open(path).map_err(failed)?;
        match lock(&file, read_only) {
            Ok(true) => {}
            Ok(false) => return Err(OpenError::InUse { path: path.to_owned() }),
            Err(error) => return Err(failed(error)),
        }
        // Unlike the metadata, this knows the size of block devices too.
        let len = file.seek(SeekFrom::End(0)).map_err(failed)?;
        if len == 0 || !len.is_multiple_of(SECTOR_LEN) {
            return Err(OpenError::Length { path: path.to_owned(), len });
        }
        Ok(Self { file, len, read_only })
    }

    /// An image in any file, for tests of what files do.
    #[cfg(test)]
    pub fn of(file: File, len: u64) -> Self {
        Self { file, len, read_only: false }
    }

    /// 512-byte sectors.
    pub fn sectors(&self) -> u64 {
        self.len / SECTOR_LEN
    }

    /// Whether it was opened for reading only.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// Fills `buf` from `offset`.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    /// Writes all of `buf` at `offset`.
    pub fn write(&self, offset: u64, buf: &[u8]) -> io::Result<()> {
        self.file.write_all_at(buf, offset)
    }

    /// Puts what was written onto the medium.
    pub fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives the range's room back to the host. False if this file cannot do that.
    pub fn punch_hole(&self, offset: u64, len: u64) -> io::Result<bool> {
        self.allocate(FallocateMode::PunchHole, offset, len)
    }

    /// Makes the range read as zeroes and keeps its room. False if this file cannot do that.
    pub fn zero_range(&self, offset: u64, len: u64) -> io::Result<bool> {
        self.allocate(FallocateMode::ZeroRange, offset, len)
    }

    fn allocate(&self, mode: FallocateMode, offset: u64, len: u64) -> io::Result<bool> {
        match fallocate(&self.file, mode, true, offset, len).map_err(io::Error::from) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Locks the whole file for as long as it is open; false if somebody else has it. QEMU locks the
/// same way, so that neither takes the other's disk.
fn lock(file: &File, shared: bool) -> io::Result<bool> {
    let kind = if shared { libc::F_RDLCK } else { libc::F_WRLCK };
    let range = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open and the structure outlives the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const range) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}
