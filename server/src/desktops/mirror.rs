//! Mirror of a host's statuses, in memory for viewers and in the database for restarts.
//!
//! The host numbers its updates. If a number is missing or the watch ends, the mirror reads all statuses
//! again. The host is authoritative: the database follows.

use super::table::{DesktopTable, MirroredState};
use oriel_auth::unix_now;
use oriel_host::{DesktopId, DesktopUpdate, HostClient, Sequence, State, Status, Updates};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// Wait before a new watch after the host did not answer or its watch ended.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Time within which the mirror must show the effects of a command.
const CATCH_UP: Duration = Duration::from_secs(15);
/// Capacity of the channel of changes; a receiver that is further behind reads all desktops again.
const CHANGES: usize = 256;

/// Mirror of one host.
#[derive(Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
}

struct Shared {
    /// Senders of the mirrored statuses.
    statuses: Mutex<HashMap<DesktopId, watch::Sender<Status>>>,
    /// Number of the last update that the mirror shows.
    shown: watch::Sender<Sequence>,
    /// Owners of the desktops, by the identifiers of both.
    owners: Mutex<HashMap<DesktopId, String>>,
    /// Senders of the identifiers of the desktops that change, by the identifier of their owner.
    changes: Mutex<HashMap<String, broadcast::Sender<String>>>,
}

/// Writing end of a mirror, with the states that it last wrote to the database.
pub(super) struct Writer {
    mirror: Mirror,
    table: DesktopTable,
    written: HashMap<DesktopId, MirroredState>,
}

impl Mirror {
    /// Makes an empty mirror.
    pub(super) fn new() -> Self {
        let shared = Shared {
            statuses: Mutex::default(),
            shown: watch::channel(Sequence::default()).0,
            owners: Mutex::default(),
            changes: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns a receiver of a desktop's status and its changes. `recorded` is the status of a desktop that
    /// the host has not reported.
    pub fn status(&self, desktop: &DesktopId, recorded: impl FnOnce() -> Status) -> watch::Receiver<Status> {
        let mut statuses = self.shared.statuses.lock();
        let sender = statuses.entry(desktop.clone()).or_insert_with(|| watch::channel(recorded()).0);
        sender.subscribe()
    }

    /// Returns all mirrored statuses.
    pub(super) fn statuses(&self) -> Vec<(DesktopId, Status)> {
        let statuses = self.shared.statuses.lock();
        statuses.iter().map(|(id, status)| (id.clone(), status.borrow().clone())).collect()
    }

    /// Returns a receiver of the identifier of each of a user's desktops that changes from now on.
    pub fn changes(&self, user_id: &str) -> broadcast::Receiver<String> {
        let mut changes = self.shared.changes.lock();
        changes.retain(|_, sender| sender.receiver_count() > 0);
        changes.entry(user_id.to_owned()).or_insert_with(|| broadcast::channel(CHANGES).0).subscribe()
    }

    /// Records the owner of a desktop, who alone is told of its changes.
    pub(super) fn set_owner(&self, desktop: &DesktopId, user_id: &str) {
        self.shared.owners.lock().insert(desktop.clone(), user_id.to_owned());
    }

    /// Waits until the mirror shows the update with the given number, at most [`CATCH_UP`].
    pub(super) async fn shows(&self, sequence: Sequence) {
        let mut shown = self.shared.shown.subscribe();
        let caught_up = shown.wait_for(|shown| *shown >= sequence);
        if tokio::time::timeout(CATCH_UP, caught_up).await.is_err() {
            tracing::warn!("the mirror has not caught up with the host's updates");
        }
    }

    /// Publishes a desktop's status; `None` shows a deleted desktop as stopped.
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
        let owner = self.shared.owners.lock().get(desktop).cloned();
        if let Some(sender) = owner.and_then(|owner| self.shared.changes.lock().get(&owner).cloned()) {
            // An owner who does not look is no failure.
            let _ = sender.send(desktop.to_string());
        }
    }
}

impl Writer {
    /// Makes the writer of a mirror. `written` has the states that the database records.
    pub(super) fn new(
        mirror: Mirror,
        table: DesktopTable,
        written: HashMap<DesktopId, MirroredState>,
    ) -> Self {
        Self { mirror, table, written }
    }

    /// Follows the host's updates without end.
    pub(super) async fn follow(mut self, host: Arc<dyn HostClient>) {
        loop {
            let missed = match host.watch().await {
                Ok(updates) => self.follow_watch(updates).await,
                Err(text) => {
                    tracing::warn!(text, "the host's desktops cannot be watched");
                    false
                }
            };
            if !missed {
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Follows one watch to its end; `true` if an update was missed, so that the host must be read again at
    /// once.
    pub(super) async fn follow_watch(&mut self, watch: Updates) -> bool {
        let Updates { sequence, snapshot, mut updates } = watch;
        let there: HashSet<DesktopId> = snapshot.iter().map(|(id, _)| id.clone()).collect();
        let mut whole = true;
        for (id, status) in snapshot {
            whole &= self.apply(&id, Some(status)).await;
        }
        let shown: Vec<DesktopId> = self.mirror.shared.statuses.lock().keys().cloned().collect();
        for id in shown.into_iter().filter(|id| self.written.contains_key(id) && !there.contains(id)) {
            // The desktop was deleted between two watches, or never created on the host.
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

    /// Writes a status to the database, then publishes it; `false` if the write failed.
    async fn apply(&mut self, desktop: &DesktopId, status: Option<Status>) -> bool {
        let mut whole = self.find_owner(desktop).await;
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
        let deleted = status.is_none();
        self.mirror.show(desktop, status);
        if deleted {
            self.mirror.shared.owners.lock().remove(desktop);
        }
        whole
    }

    /// Reads the owner of a desktop that the mirror does not know yet, once; `false` if the database failed.
    async fn find_owner(&self, desktop: &DesktopId) -> bool {
        if self.mirror.shared.owners.lock().contains_key(desktop) {
            return true;
        }
        match self.table.get(desktop.as_str()).await {
            // A desktop without a record, which nobody owns, has the owner "".
            Ok(record) => {
                self.mirror.set_owner(desktop, record.as_ref().map_or("", |record| record.user_id.as_str()));
                true
            }
            Err(error) => {
                tracing::error!(%desktop, %error, "a desktop's owner was not read");
                false
            }
        }
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
