//! SIGTERM and SIGINT end the machine as pulling the plug does, with last words.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Keeps the signals from all threads that are started from now on.
pub fn block() {
    let set = termination();
    // SAFETY: `set` is initialised, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// Calls `act` when one of them comes; they must be blocked by then.
///
/// # Errors
/// When no thread can be started.
pub fn on_termination(act: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let wait = move || {
        let set = termination();
        let mut signal = 0;
        // SAFETY: both point to initialised values that outlive the call.
        if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 {
            tracing::info!(signal, "told to end");
            act();
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

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
