//! Wait of a machine for space on the host's disk.
//!
//! QEMU stops the guest when a write finds no space (`werror=enospc`), and repeats the write when the guest
//! continues. So the guest is continued every two seconds, until it no longer stops at once.

use crate::qmp::{Command, Qmp};
use std::io;
use std::thread;
use std::time::Duration;

/// Interval between attempts to continue the guest.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Time within which QEMU stops a guest again whose write still finds no space.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// State of the wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SpaceWait {
    /// The machine does not wait.
    #[default]
    None,
    /// The guest is stopped until the next attempt.
    Stopped,
    /// An attempt was begun: the guest is being continued, or runs and has not stopped again.
    Trying,
}

/// Starts the thread that continues the guest until the wait is over. `begin` begins an attempt, and returns
/// false when the wait is over without one; `end` ends an attempt, and returns whether the wait is over.
///
/// # Errors
/// An error of the system when the thread cannot be started.
pub(crate) fn retry(
    qmp: &Qmp,
    begin: impl Fn() -> bool + Send + 'static,
    end: impl Fn() -> bool + Send + 'static,
) -> io::Result<()> {
    let qmp = qmp.clone();
    let attempt_until_over = move || {
        loop {
            thread::sleep(RETRY_INTERVAL);
            if !begin() {
                return;
            }
            if qmp.execute(&Command::Cont).is_ok() {
                thread::sleep(SETTLE_TIME);
            }
            if end() {
                return;
            }
        }
    };
    thread::Builder::new().name("qemu-disk-full".to_owned()).spawn(attempt_until_over).map(drop)
}
