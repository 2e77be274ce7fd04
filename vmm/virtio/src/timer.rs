//! One-shot timer whose file descriptor an event loop can watch.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::Duration;
use vmm_sys_util::timerfd::TimerFd;

/// Non-blocking timerfd of the monotonic clock.
pub(crate) struct Timer(TimerFd);

impl Timer {
    /// Creates a disarmed timer.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: timerfd_create takes no pointers.
        let fd =
            unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is a timerfd, new, and nobody else's.
        Ok(Self(unsafe { TimerFd::from_raw_fd(fd) }))
    }

    /// Arms the timer: the descriptor becomes readable once, `after` from now.
    pub(crate) fn arm(&mut self, after: Duration) {
        // Zero would disarm the timer.
        if let Err(error) = self.0.reset(after.max(Duration::from_nanos(1)), None) {
            tracing::error!(%error, "cannot arm a timer");
        }
    }

    /// Makes the descriptor unreadable again.
    pub(crate) fn drain(&mut self) {
        // The read fails if the timer was armed again after its expiry.
        let _ = self.0.wait();
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
