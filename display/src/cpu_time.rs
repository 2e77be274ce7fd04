//! Processor time of the calling thread: what work costs, however busy the host is.

use std::time::Duration;

/// Processor time that the calling thread has used so far.
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
