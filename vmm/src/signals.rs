//! Termination signals of the supervisor, SIGTERM and SIGINT, as a descriptor that becomes readable.
//!
//! [`block`] is called first in the process; the supervisor's loop then polls a [`Termination`] and stops the
//! machine. Signals to virtual processors are not here but in `cpu::kick`.

use rustix::process::Signal;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// Blocks SIGTERM and SIGINT in this thread, and in the threads and processes that it starts afterwards.
pub fn block() {
    let set = termination();
    // SAFETY: `set` is initialised, and a null pointer is allowed for the old mask.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// Descriptor that is readable while SIGTERM or SIGINT is pending (signalfd(2)). The signals must be blocked.
pub struct Termination(OwnedFd);

impl Termination {
    /// Opens the descriptor. It also reports signals that arrived since [`block`].
    ///
    /// # Errors
    /// An error of the system when the host is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let set = termination();
        // SAFETY: `set` is initialised and outlives the call.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `signalfd` has just opened the descriptor, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Consumes one pending signal and returns it; `None` if there is none.
    pub fn take(&self) -> Option<Signal> {
        let mut signal = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        // SAFETY: the kernel writes at most the structure's size to it.
        let count =
            unsafe { libc::read(self.0.as_raw_fd(), signal.as_mut_ptr().cast(), size_of_val(&signal)) };
        if usize::try_from(count) != Ok(size_of_val(&signal)) {
            return None;
        }
        // SAFETY: signalfd(2) reads whole structures only, and the kernel has written one.
        let number = unsafe { signal.assume_init() }.ssi_signo;
        [Signal::TERM, Signal::INT].into_iter().find(|one| u32::try_from(one.as_raw()) == Ok(number))
    }
}

impl AsFd for Termination {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Returns the set of SIGTERM and SIGINT.
fn termination() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set before anything reads it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        set.assume_init()
    }
}
