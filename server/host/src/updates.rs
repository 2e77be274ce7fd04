//! Statuses of all desktops of a host, and the distribution of numbered updates to watchers.
//!
//! Actors write here; [`crate::HostClient::watch`] reads. Nothing here is durable: records are in `desktop`.

use crate::client::Updates;
use crate::hold::DesktopId;
use crate::status::{DesktopUpdate, Sequence, Status};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

/// Number of updates kept for slow watchers; a watcher that is further behind misses updates.
const KEPT: usize = 1024;
/// Capacity of a watcher's channel in updates.
const ON_THE_WAY: usize = 64;

/// Hub of updates: the only place where a status changes, so that numbers and statuses agree.
pub(crate) struct UpdateHub {
    inner: Mutex<Inner>,
    updates: broadcast::Sender<DesktopUpdate>,
}

/// Statuses of all desktops, and the number of the last update.
#[derive(Default)]
struct Inner {
    sequence: Sequence,
    statuses: HashMap<DesktopId, Status>,
}

impl UpdateHub {
    /// Makes a hub without desktops; the first update has the number 1.
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), updates: broadcast::channel(KEPT).0 }
    }

    /// Returns the number of the last update.
    pub(crate) fn sequence(&self) -> Sequence {
        self.inner.lock().sequence
    }

    /// Returns the status of a desktop; `None` for an unknown one.
    pub(crate) fn status(&self, desktop: &DesktopId) -> Option<Status> {
        self.inner.lock().statuses.get(desktop).cloned()
    }

    /// Lists the desktops whose machines have a control connection.
    pub(crate) fn reachable(&self) -> Vec<DesktopId> {
        let inner = self.inner.lock();
        inner.statuses.iter().filter(|(_, status)| status.reachable).map(|(id, _)| id.clone()).collect()
    }

    /// Adds a desktop or replaces its status, and publishes the update.
    pub(crate) fn insert(&self, desktop: &DesktopId, status: Status) {
        let mut inner = self.inner.lock();
        inner.statuses.insert(desktop.clone(), status.clone());
        self.publish(&mut inner, desktop, Some(status));
    }

    /// Changes the status of a desktop, and publishes an update if the status differs; ignores an unknown
    /// desktop.
    pub(crate) fn modify(&self, desktop: &DesktopId, change: impl FnOnce(&mut Status)) {
        let mut inner = self.inner.lock();
        let Some(status) = inner.statuses.get_mut(desktop) else { return };
        let before = status.clone();
        change(status);
        if *status != before {
            let status = status.clone();
            self.publish(&mut inner, desktop, Some(status));
        }
    }

    /// Removes a desktop, and publishes the update of its deletion.
    pub(crate) fn remove(&self, desktop: &DesktopId) {
        let mut inner = self.inner.lock();
        if inner.statuses.remove(desktop).is_some() {
            self.publish(&mut inner, desktop, None);
        }
    }

    /// Sends an update with the next number. The caller holds the lock, so that updates are sent in the order
    /// of their numbers.
    fn publish(&self, inner: &mut Inner, desktop: &DesktopId, status: Option<Status>) {
        inner.sequence = inner.sequence.next();
        // A host without watchers is no failure.
        let _ =
            self.updates.send(DesktopUpdate { sequence: inner.sequence, desktop: desktop.clone(), status });
    }

    /// Returns all statuses, and a channel of the updates after them. The lock makes the two meet without a
    /// gap.
    pub(crate) fn watch(&self) -> Updates {
        let inner = self.inner.lock();
        let mut following = self.updates.subscribe();
        let (sender, updates) = mpsc::channel(ON_THE_WAY);
        let snapshot = inner.statuses.iter().map(|(id, status)| (id.clone(), status.clone())).collect();
        let sequence = inner.sequence;
        drop(inner);
        tokio::spawn(async move {
            loop {
                match following.recv().await {
                    Ok(update) => {
                        if sender.send(update).await.is_err() {
                            return;
                        }
                    }
                    // The watcher sees the gap in the numbers.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Updates { sequence, snapshot, updates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::State;

    #[tokio::test]
    async fn a_watcher_sees_what_is_and_then_each_change_by_its_number() {
        let hub = UpdateHub::new();
        let id = DesktopId::new("d1").unwrap();
        hub.insert(&id, Status::recorded(State::Stopped, None, 0));
        let mut watch = hub.watch();
        assert_eq!((watch.sequence, watch.snapshot.len()), (Sequence(1), 1));
        hub.modify(&id, |status| status.state = State::Starting);
        hub.modify(&id, |status| status.state = State::Starting);
        hub.remove(&id);
        let first = watch.updates.recv().await.unwrap();
        assert_eq!((first.sequence, first.status.unwrap().state), (Sequence(2), State::Starting));
        let second = watch.updates.recv().await.unwrap();
        assert_eq!((second.sequence, second.status), (Sequence(3), None));
        hub.modify(&id, |status| status.viewers = 1);
        assert_eq!(hub.sequence(), Sequence(3), "a desktop that was deleted has no status to change");
    }
}
