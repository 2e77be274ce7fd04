//! Processor time of the calling thread, which measures work independently of the host's load.

use std::time::Duration;

/// Returns the processor time that the calling thread has used; zero if the kernel does not report it
/// (`clock_gettime(2)`, `CLOCK_THREAD_CPUTIME_ID`).
pub fn of_this_thread() -> Duration {
    let mut spent = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec there (clock_gettime(2)).
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut spent) };
    if outcome != 0 {
        return Duration::ZERO;
    }
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(spent.tv_nsec).unwrap_or_default())
}
