//! Locks of images: one machine writes an image, or any number of machines read it.
//!
//! The locks are QEMU's, on single bytes of the file (`block/file-posix.c`;
//! `docs/system/qemu-block-drivers.rst.inc`, "Image locking"), so Oriel and QEMU exclude each other and share
//! base images. They are locks of the open file description, which the kernel releases with its last
//! descriptor.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Byte that a reading process locks.
const PERM_CONSISTENT_READ: i64 = 100;
/// Bytes that a writing and a resizing process locks.
const PERM_WRITE_RESIZE: [i64; 2] = [101, 103];
/// Byte that a process locks which does not share reading.
const UNSHARED_CONSISTENT_READ: i64 = 200;
/// Bytes that a process locks which does not share writing and resizing.
const UNSHARED_WRITE_RESIZE: [i64; 2] = [201, 203];

/// Locks `file` until it is closed; false if another process has a conflicting lock.
pub(crate) fn lock(file: &File, shared: bool) -> io::Result<bool> {
    if !shared {
        return set(file, libc::F_WRLCK, 0, 0);
    }
    for byte in [PERM_CONSISTENT_READ].into_iter().chain(UNSHARED_WRITE_RESIZE) {
        if !set(file, libc::F_RDLCK, byte, 1)? {
            return Ok(false);
        }
    }
    for byte in PERM_WRITE_RESIZE.into_iter().chain([UNSHARED_CONSISTENT_READ]) {
        if is_locked(file, byte)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the lock of `len` bytes from `start` on.
fn range(kind: libc::c_int, start: i64, len: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: len,
        l_pid: 0,
    }
}

/// Sets a lock; false if another process has a conflicting lock.
fn set(file: &File, kind: libc::c_int, start: i64, len: i64) -> io::Result<bool> {
    let range = range(kind, start, len);
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

/// Whether another process has a lock on the byte.
fn is_locked(file: &File, byte: i64) -> io::Result<bool> {
    let mut range = range(libc::F_WRLCK, byte, 1);
    // A descriptor that is open for reading may query write locks, though it cannot set one.
    // SAFETY: the descriptor is open and the structure, which the kernel writes, outlives the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut range) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(range.l_type != libc::F_UNLCK as libc::c_short)
}
