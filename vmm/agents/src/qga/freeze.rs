//! A guest whose file systems are frozen is a guest that hangs: whatever happens to those who had
//! it frozen, it is thawed when the time is over.

use super::RESPONSE_TIMEOUT;
use super::responses;
use super::session::{QgaError, QgaSession};
use crate::lock;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between attempts to thaw.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Thaws the guest's file systems, as often as they were frozen.
pub(super) fn thaw(session: &mut QgaSession) -> Result<u64, QgaError> {
    responses::count(&session.execute("guest-fsfreeze-thaw", None, RESPONSE_TIMEOUT)?)
}

#[derive(Default)]
struct ThawSchedule {
    thaw_at: Option<Instant>,
    thread_runs: bool,
}

/// Thaws when the time comes. Its thread lives only while there is something to thaw.
pub(super) struct ThawTimer {
    session: Arc<Mutex<QgaSession>>,
    schedule: Arc<(Mutex<ThawSchedule>, Condvar)>,
}

impl ThawTimer {
    pub(super) fn new(session: Arc<Mutex<QgaSession>>) -> Self {
        Self { session, schedule: Arc::default() }
    }

    /// Has the guest thawed then, at the latest.
    ///
    /// # Errors
    /// When there is no thread to do so.
    pub(super) fn thaw_at(&self, when: Instant) -> io::Result<()> {
        let (schedule, changed) = &*self.schedule;
        let mut state = lock(schedule);
        state.thaw_at = Some(state.thaw_at.map_or(when, |planned| planned.min(when)));
        changed.notify_one();
        if state.thread_runs {
            return Ok(());
        }
        let (session, schedule) = (self.session.clone(), self.schedule.clone());
        std::thread::Builder::new().name("thaw".into()).spawn(move || run(&session, &schedule))?;
        state.thread_runs = true;
        Ok(())
    }

    /// The guest is thawed.
    pub(super) fn cancel(&self) {
        let (schedule, changed) = &*self.schedule;
        lock(schedule).thaw_at = None;
        changed.notify_one();
    }
}

fn run(session: &Mutex<QgaSession>, (schedule, changed): &(Mutex<ThawSchedule>, Condvar)) {
    let mut state = lock(schedule);
    while let Some(when) = state.thaw_at {
        let left = when.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            (state, _) = changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        drop(state);
        let thawed = thaw(&mut lock(session));
        state = lock(schedule);
        match thawed {
            Ok(count) => {
                if count > 0 {
                    tracing::warn!(count, "thawed the guest's file systems: their time was over");
                }
                state.thaw_at = None;
            }
            // Without its agent the guest is going down or starts anew, and nothing is frozen.
            Err(QgaError::NotConnected | QgaError::Disconnected) => state.thaw_at = None,
            Err(error) => {
                tracing::error!(%error, "the guest's file systems could not be thawed; trying again");
                state.thaw_at = Some(Instant::now() + RETRY_INTERVAL);
            }
        }
    }
    state.thread_runs = false;
}
