//! What the host tells of its desktops, kept in memory for viewers and in the database for everyone else.
//!
//! The host numbers its updates. A mirror that finds a number missing reads everything again; so it does when the host's
//! connection ends. The host's word is what counts: the database follows it.

use super::table::{DesktopTable, MirroredState};
use oriel_auth::unix_now;
use oriel_host::{DesktopId, DesktopUpdate, HostClient, Sequence, State, Status, Updates};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// How long the mirror waits before it asks a host again that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Whoever gave an order waits so long for the mirror to show what came of it.
const CATCH_UP: Duration = Duration::from_secs(15);
/// A listener that is so many changes behind reads everything again.
const CHANGES: usize = 256;

/// The mirror of one host.
#[derive(Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
}

struct Shared {
    statuses: Mutex<HashMap<DesktopId, watch::Sender<Status>>>,
    /// The last update that is shown.
    shown: watch::Sender<Sequence>,
    /// Names each desktop that changed.
    changes: broadcast::Sender<String>,
}

/// The mirror's writing end: what it last wrote to the database.
pub(super) struct Writer {
    mirror: Mirror,
    table: DesktopTable,
    written: HashMap<DesktopId, MirroredState>,
}

impl Mirror {
    /// A mirror that shows nothing yet.
    pub(super) fn new() -> Self {
        let shared = Shared {
            statuses: Mutex::default(),
            shown: watch::channel(Sequence::default()).0,
            changes: broadcast::channel(CHANGES).0,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The status of a desktop from now on; `recorded` is shown for one that the host did not tell of.
    pub fn status(&self, desktop: &DesktopId, recorded: impl FnOnce() -> Status) -> watch::Receiver<Status> {
        let mut statuses = self.shared.statuses.lock();
        let sender = statuses.entry(desktop.clone()).or_insert_with(|| watch::channel(recorded()).0);
        sender.subscribe()
    }

    /// All statuses that are shown.
    pub(super) fn statuses(&self) -> Vec<(DesktopId, Status)> {
        let statuses = self.shared.statuses.lock();
        statuses.iter().map(|(id, status)| (id.clone(), status.borrow().clone())).collect()
    }

    /// Names each desktop that changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<String> {
        self.shared.changes.subscribe()
    }

    /// Waits until an update of the host is shown. Gives up after a while: the host's word counts, not the mirror's.
    pub(super) async fn shows(&self, sequence: Sequence) {
        let mut shown = self.shared.shown.subscribe();
        let caught_up = shown.wait_for(|shown| *shown >= sequence);
        if tokio::time::timeout(CATCH_UP, caught_up).await.is_err() {
            tracing::warn!("what a host did is not shown yet");
        }
    }

    fn show(&self, desktop: &DesktopId, status: Option<Status>) {
        let status = status.unwrap_or_else(|| {
            Status::recorded(State::Stopped, Some("The desktop was deleted.".into()), unix_now())
        });
        let mut statuses = self.shared.statuses.lock();
        match statuses.get(desktop) {
            Some(sender) => {
                sender.send_replace(status);
            }
            None => {
                statuses.insert(desktop.clone(), watch::channel(status).0);
            }
        }
        drop(statuses);
        // Nobody listening is no failure.
        let _ = self.shared.changes.send(desktop.to_string());
    }
}

impl Writer {
    /// For a mirror whose database says `written` of desktops.
    pub(super) fn new(
        mirror: Mirror,
        table: DesktopTable,
        written: HashMap<DesktopId, MirroredState>,
    ) -> Self {
        Self { mirror, table, written }
    }

    /// Follows the host for ever.
    pub(super) async fn follow(mut self, host: Arc<dyn HostClient>) {
        loop {
            let missed = match host.watch().await {
                Ok(updates) => self.follow_watch(updates).await,
                Err(text) => {
                    tracing::warn!(text, "the host does not tell of its desktops");
                    false
                }
            };
            if !missed {
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Follows one watch to its end; `true` where an update was missed, and the host is to be read again at once.
    pub(super) async fn follow_watch(&mut self, watch: Updates) -> bool {
        let Updates { sequence, snapshot, mut updates } = watch;
        let there: HashSet<DesktopId> = snapshot.iter().map(|(id, _)| id.clone()).collect();
        let mut whole = true;
        for (id, status) in snapshot {
            whole &= self.apply(&id, Some(status)).await;
        }
        let shown: Vec<DesktopId> = self.mirror.shared.statuses.lock().keys().cloned().collect();
        for id in shown.into_iter().filter(|id| self.written.contains_key(id) && !there.contains(id)) {
            // Deleted while nobody watched, or never given to the host: then its record says what it is.
            if let Some(status) = self.written.get(&id).map(MirroredState::status) {
                self.mirror.show(&id, Some(status));
            }
        }
        let mut last = sequence;
        self.mirror.shared.shown.send_replace(last);
        while whole && let Some(update) = updates.recv().await {
            let DesktopUpdate { sequence, desktop, status } = update;
            if sequence != last.next() {
                tracing::info!(
                    last = last.0,
                    next = sequence.0,
                    "updates of the host were missed; reading anew"
                );
                return true;
            }
            whole = self.apply(&desktop, status).await;
            last = sequence;
            self.mirror.shared.shown.send_replace(last);
        }
        false
    }

    /// Writes a status to the database, then shows it; `false` if it was not written.
    async fn apply(&mut self, desktop: &DesktopId, status: Option<Status>) -> bool {
        let mut whole = true;
        match &status {
            Some(status) => {
                let state = MirroredState::of(status);
                if self.written.get(desktop) != Some(&state) {
                    match self.table.mirror(desktop, &state).await {
                        Ok(()) => {
                            self.written.insert(desktop.clone(), state);
                        }
                        Err(error) => {
                            tracing::error!(%desktop, %error, "a desktop's state was not stored");
                            whole = false;
                        }
                    }
                }
            }
            None => {
                self.written.remove(desktop);
            }
        }
        self.mirror.show(desktop, status);
        whole
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
