//! Time limit for frozen file systems. A guest with frozen file systems hangs, so the file systems are thawed
//! when the time is over, whatever happened to the caller that froze them.

use super::error::QgaError;
use super::responses;
use super::session::{QgaSession, RESPONSE_TIMEOUT};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Interval between attempts to thaw.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Thaws the guest's file systems (`guest-fsfreeze-thaw`); returns the number of file systems that were
/// frozen.
pub(super) fn thaw(session: &mut QgaSession) -> Result<u64, QgaError> {
    responses::count(&session.execute("guest-fsfreeze-thaw", None, RESPONSE_TIMEOUT)?)
}

/// Time of the next thaw, and whether the timer's thread runs.
#[derive(Default)]
struct Schedule {
    thaw_at: Option<Instant>,
    thread_runs: bool,
}

/// Schedule that the timer and its thread share.
#[derive(Default)]
struct Shared {
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

/// Timer that thaws the guest's file systems when the time is over. Its thread runs only while the timer is
/// set.
pub(super) struct ThawTimer {
    session: Arc<Mutex<QgaSession>>,
    shared: Arc<Shared>,
}

impl ThawTimer {
    /// Creates a timer that is not set.
    pub(super) fn new(session: Arc<Mutex<QgaSession>>) -> Self {
        Self { session, shared: Arc::default() }
    }

    /// Sets the timer to `when`, unless it is set to an earlier time.
    ///
    /// # Errors
    /// When the thread cannot be created.
    pub(super) fn thaw_at(&self, when: Instant) -> io::Result<()> {
        let mut schedule = self.shared.schedule.lock();
        schedule.thaw_at = Some(schedule.thaw_at.map_or(when, |scheduled| scheduled.min(when)));
        self.shared.changed.notify_one();
        if schedule.thread_runs {
            return Ok(());
        }
        let (session, shared) = (self.session.clone(), self.shared.clone());
        std::thread::Builder::new().name("qga-thaw".into()).spawn(move || run(&session, &shared))?;
        schedule.thread_runs = true;
        Ok(())
    }

    /// Cancels the timer, after the guest was thawed.
    pub(super) fn cancel(&self) {
        self.shared.schedule.lock().thaw_at = None;
        self.shared.changed.notify_one();
    }
}

/// Waits for the scheduled time and thaws, until the timer is cancelled or the thaw has succeeded.
fn run(session: &Mutex<QgaSession>, shared: &Shared) {
    let mut schedule = shared.schedule.lock();
    while let Some(when) = schedule.thaw_at {
        let left = when.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            shared.changed.wait_for(&mut schedule, left);
            continue;
        }
        drop(schedule);
        let thawed = thaw(&mut session.lock());
        schedule = shared.schedule.lock();
        match thawed {
            Ok(count) => {
                if count > 0 {
                    tracing::warn!(count, "thawed the guest's file systems: the freeze timed out");
                }
                schedule.thaw_at = None;
            }
            // A guest whose agent is gone shuts down or restarts, so its file systems are not frozen.
            Err(QgaError::NotConnected | QgaError::Disconnected) => schedule.thaw_at = None,
            Err(error) => {
                tracing::error!(%error, "the guest's file systems could not be thawed; trying again");
                schedule.thaw_at = Some(Instant::now() + RETRY_INTERVAL);
            }
        }
    }
    schedule.thread_runs = false;
}
