//! Waiting for descriptors with poll(2).

use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

/// Descriptor to wait for, until it can be read or written. With neither it is ignored, even when its
/// peer hangs up.
pub(crate) struct Watched {
    pub fd: RawFd,
    pub read: bool,
    pub write: bool,
}

impl Watched {
    fn as_pollfd(&self) -> libc::pollfd {
        let (read, write) =
            (if self.read { libc::POLLIN } else { 0 }, if self.write { libc::POLLOUT } else { 0 });
        let events = read | write;
        // A negative one is ignored (poll(2)).
        libc::pollfd { fd: if events == 0 { -1 } else { self.fd }, events, revents: 0 }
    }
}

/// Waits until one of `watched` is ready or has failed, or `deadline` passes; false for the latter.
/// May return early.
pub(crate) fn wait<const N: usize>(watched: [Watched; N], deadline: Option<Instant>) -> io::Result<bool> {
    let mut fds = watched.map(|one| one.as_pollfd());
    let timeout = deadline.map_or(-1, |deadline| {
        // Rounded up, or the last fraction of a millisecond would be waited for without sleep.
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
