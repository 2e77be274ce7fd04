//! The statuses of all desktops of a host, and the numbered updates that tell of their changes.

use crate::client::Updates;
use crate::hold::DesktopId;
use crate::status::{DesktopUpdate, Sequence, Status};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

/// A watcher that is so many updates behind misses some.
const KEPT: usize = 1024;
/// Updates on their way to one watcher.
const ON_THE_WAY: usize = 64;

/// The one place where a desktop's status changes.
pub(crate) struct UpdateHub {
    inner: Mutex<Inner>,
    updates: broadcast::Sender<DesktopUpdate>,
}

#[derive(Default)]
struct Inner {
    sequence: Sequence,
    statuses: HashMap<DesktopId, Status>,
}

impl UpdateHub {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), updates: broadcast::channel(KEPT).0 }
    }

    /// The number of the last update.
    pub(crate) fn sequence(&self) -> Sequence {
        self.inner.lock().sequence
    }

    /// A desktop's status; `None` for one that is not known.
    pub(crate) fn status(&self, desktop: &DesktopId) -> Option<Status> {
        self.inner.lock().statuses.get(desktop).cloned()
    }

    /// The desktops whose machines answer.
    pub(crate) fn reachable(&self) -> Vec<DesktopId> {
        let inner = self.inner.lock();
        inner.statuses.iter().filter(|(_, status)| status.reachable).map(|(id, _)| id.clone()).collect()
    }

    /// Makes a desktop known.
    pub(crate) fn insert(&self, desktop: &DesktopId, status: Status) {
        let mut inner = self.inner.lock();
        inner.statuses.insert(desktop.clone(), status.clone());
        self.publish(&mut inner, desktop, Some(status));
    }

    /// Changes the status of a desktop that is known, and tells of it if it is another one.
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

    /// Forgets a desktop.
    pub(crate) fn remove(&self, desktop: &DesktopId) {
        let mut inner = self.inner.lock();
        if inner.statuses.remove(desktop).is_some() {
            self.publish(&mut inner, desktop, None);
        }
    }

    /// Under the lock, so that updates are sent in the order of their numbers.
    fn publish(&self, inner: &mut Inner, desktop: &DesktopId, status: Option<Status>) {
        inner.sequence = inner.sequence.next();
        // Nobody watching is no failure.
        let _ =
            self.updates.send(DesktopUpdate { sequence: inner.sequence, desktop: desktop.clone(), status });
    }

    /// All statuses, and every update from then on.
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
