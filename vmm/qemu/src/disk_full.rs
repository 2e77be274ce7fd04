//! Wait of a machine for space on the host's disk.
//!
//! QEMU stops the guest when a write finds no space (`werror=enospc`), and repeats the write when the guest
//! continues. So the guest is continued every two seconds, until it no longer stops at once.

use crate::qmp::{Command, Qmp};
use crate::state::StateTracker;
use std::sync::Arc;
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

/// Starts the thread that continues the guest. It ends with the wait, whose number is `wait`.
pub(crate) fn retry(tracker: &Arc<StateTracker>, qmp: &Qmp, wait: u64) {
    let (waiting, to) = (Arc::clone(tracker), qmp.clone());
    let spawned = thread::Builder::new().name("qemu-disk-full".to_owned()).spawn(move || {
        loop {
            thread::sleep(RETRY_INTERVAL);
            if !waiting.begin_attempt(wait) {
                return;
            }
            if to.execute(&Command::Cont).is_ok() {
                thread::sleep(SETTLE_TIME);
            }
            if waiting.end_attempt(wait) {
                return;
            }
        }
    });
    if let Err(error) = spawned {
        oriel_vmm_api::log_limited!(error, %error, "no thread to wait for disk space; resume the desktop by hand");
        tracker.abandon_wait();
    }
}
