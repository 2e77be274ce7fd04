//! A guest whose file systems are frozen is a guest that hangs: whatever happens to those who had
//! it frozen, it is thawed when the time is over.

use super::PATIENCE;
use super::answers;
use super::conversation::{AgentError, Conversation};
use crate::lock;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between attempts to thaw.
const AGAIN: Duration = Duration::from_secs(2);

/// Thaws the guest's file systems, as often as they were frozen.
pub(super) fn thaw(conversation: &mut Conversation) -> Result<u64, AgentError> {
    answers::count(&conversation.ask("guest-fsfreeze-thaw", None, PATIENCE)?)
}

#[derive(Default)]
struct Plan {
    thaw_at: Option<Instant>,
    running: bool,
}

/// Thaws when the time comes. Its thread lives only while there is something to thaw.
pub(super) struct Thawer {
    conversation: Arc<Mutex<Conversation>>,
    plan: Arc<(Mutex<Plan>, Condvar)>,
}

impl Thawer {
    pub(super) fn new(conversation: Arc<Mutex<Conversation>>) -> Self {
        Self { conversation, plan: Arc::default() }
    }

    /// Has the guest thawed then, at the latest.
    ///
    /// # Errors
    /// When there is no thread to do so.
    pub(super) fn thaw_at(&self, when: Instant) -> io::Result<()> {
        let (plan, changed) = &*self.plan;
        let mut state = lock(plan);
        state.thaw_at = Some(state.thaw_at.map_or(when, |planned| planned.min(when)));
        changed.notify_one();
        if state.running {
            return Ok(());
        }
        let (conversation, plan) = (self.conversation.clone(), self.plan.clone());
        std::thread::Builder::new().name("thaw".into()).spawn(move || run(&conversation, &plan))?;
        state.running = true;
        Ok(())
    }

    /// The guest is thawed.
    pub(super) fn rest(&self) {
        let (plan, changed) = &*self.plan;
        lock(plan).thaw_at = None;
        changed.notify_one();
    }
}

fn run(conversation: &Mutex<Conversation>, (plan, changed): &(Mutex<Plan>, Condvar)) {
    let mut state = lock(plan);
    while let Some(when) = state.thaw_at {
        let left = when.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            (state, _) = changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        drop(state);
        let thawed = thaw(&mut lock(conversation));
        state = lock(plan);
        match thawed {
            Ok(count) => {
                if count > 0 {
                    tracing::warn!(count, "thawed the guest's file systems: their time was over");
                }
                state.thaw_at = None;
            }
            // Without its agent the guest is going down or starts anew, and nothing is frozen.
            Err(AgentError::NotConnected | AgentError::Left) => state.thaw_at = None,
            Err(error) => {
                tracing::error!(%error, "the guest's file systems could not be thawed; trying again");
                state.thaw_at = Some(Instant::now() + AGAIN);
            }
        }
    }
    state.running = false;
}
