//! Files that lie nowhere.

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;

/// A new file.
///
/// # Errors
/// The host's.
pub fn empty() -> std::io::Result<File> {
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(c"image".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// A file of `bytes`.
///
/// # Errors
/// The host's.
pub fn file_of(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = empty()?;
    file.write_all(bytes)?;
    Ok(file)
}
