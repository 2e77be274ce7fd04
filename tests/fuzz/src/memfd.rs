//! Anonymous files in memory.

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;

/// Creates an empty file (memfd_create(2)).
///
/// # Errors
/// The errors of memfd_create(2).
pub fn empty() -> std::io::Result<File> {
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(c"image".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Creates a file with the contents `bytes`.
///
/// # Errors
/// The errors of memfd_create(2) and write(2).
pub fn file_of(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = empty()?;
    file.write_all(bytes)?;
    Ok(file)
}
