//! Waiting for file descriptors with poll(2).

use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

/// File descriptor to wait for. With neither `read` nor `write` the descriptor is ignored, even when the peer
/// has closed it.
pub(crate) struct Watched {
    /// Number of the descriptor.
    pub fd: RawFd,
    /// Whether readability ends the wait.
    pub read: bool,
    /// Whether writability ends the wait.
    pub write: bool,
}

impl Watched {
    /// Converts to poll(2)'s structure.
    fn as_pollfd(&self) -> libc::pollfd {
        let (read, write) =
            (if self.read { libc::POLLIN } else { 0 }, if self.write { libc::POLLOUT } else { 0 });
        let events = read | write;
        // poll(2) ignores negative descriptors.
        libc::pollfd { fd: if events == 0 { -1 } else { self.fd }, events, revents: 0 }
    }
}

/// Waits until a descriptor is ready or has failed, or `deadline` passes; returns false for the deadline. May
/// return early.
///
/// # Errors
/// The errors of poll(2).
pub(crate) fn wait<const N: usize>(watched: [Watched; N], deadline: Option<Instant>) -> io::Result<bool> {
    let mut fds = watched.map(|one| one.as_pollfd());
    let timeout = deadline.map_or(-1, |deadline| {
        // Rounded up, or callers would poll in a loop during the last fraction of a millisecond.
        let left = deadline.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        libc::c_int::try_from(left).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: the array outlives the call and its length is given with it.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), N as libc::nfds_t, timeout) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        error => Err(error),
    }
}
