use super::*;
use crate::desktops::DesktopTable;
use crate::pools::{PoolSettings, Pools};
use crate::state::{StateDir, open_database};
use async_trait::async_trait;
use oriel_auth::{Role, Users};
use oriel_host::client::{DesktopLog, FoundState, HostMetrics, HostReport, MachinePlan, ViewerStream};
use oriel_host::images::{RunsAt, Version};
use oriel_host::schedule::Priority;
use oriel_host::{DesktopError, DesktopSpec, Hold};
use oriel_vmm_api::ViewerMode;
use tokio::sync::mpsc;

/// A host that tells what a test has written down for each watch, and does nothing.
struct ScriptedHost {
    watches: Mutex<Vec<Updates>>,
    orders: Mutex<Vec<Hold>>,
}

impl ScriptedHost {
    fn order(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.orders.lock().push(hold.clone());
        Ok(Sequence(0))
    }
}

#[async_trait]
impl HostClient for ScriptedHost {
    async fn facts(&self) -> Result<HostReport, String> {
        Err("a scripted host has no facts".into())
    }

    async fn ensure(
        &self,
        hold: &Hold,
        _: DesktopSpec,
        _: Option<FoundState>,
    ) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn start(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn stop(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn force_off(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn restart(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn reset(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn delete(&self, hold: &Hold) -> Result<Sequence, DesktopError> {
        self.order(hold)
    }

    async fn watch(&self) -> Result<Updates, String> {
        let mut watches = self.watches.lock();
        if watches.is_empty() { Err("no more".into()) } else { Ok(watches.remove(0)) }
    }

    async fn set_priority(&self, hold: &Hold, _: Priority) -> Result<(), DesktopError> {
        self.order(hold).map(drop)
    }

    async fn plan(&self, _: &DesktopId, _: &DesktopSpec) -> MachinePlan {
        MachinePlan { machine: Err("none".into()), runs_at: RunsAt::Kernel }
    }

    async fn images(&self) -> Result<Vec<Version>, String> {
        Ok(Vec::new())
    }

    async fn metrics(&self) -> HostMetrics {
        HostMetrics::default()
    }

    async fn logs(&self, _: &DesktopId, _: DesktopLog) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    async fn open_viewer(&self, hold: &Hold, _: ViewerMode) -> Result<ViewerStream, DesktopError> {
        Err(DesktopError::Unknown(hold.desktop.clone()))
    }
}

fn at(state: State, since: i64) -> Status {
    Status::recorded(state, None, since)
}

/// A watch that begins with a snapshot and then tells these updates, by number.
fn watch(
    id: &DesktopId,
    sequence: u64,
    first: Status,
    updates: Vec<(u64, Status)>,
) -> (Updates, mpsc::Sender<DesktopUpdate>) {
    let (sender, receiver) = mpsc::channel(16);
    for (sequence, status) in updates {
        let update =
            DesktopUpdate { sequence: Sequence(sequence), desktop: id.clone(), status: Some(status) };
        sender.try_send(update).unwrap();
    }
    let snapshot = vec![(id.clone(), first)];
    (Updates { sequence: Sequence(sequence), snapshot, updates: receiver }, sender)
}

async fn one_desktop() -> (tempfile::TempDir, DesktopTable, DesktopId) {
    let dir = tempfile::tempdir().unwrap();
    let db = open_database(&StateDir::open(dir.path()).unwrap()).await.unwrap();
    let pools = Pools::new(db.clone());
    let ada = Users::new(db.clone()).add("ada", Role::User, "hash", 0).await.unwrap();
    pools.add("office", &PoolSettings::new("x".into()), 0).await.unwrap();
    pools.entitle("office", &ada.id).await.unwrap();
    let table = DesktopTable::new(db);
    let record = table.of_user(&ada.id, 0).await.unwrap().remove(0);
    (dir, table, DesktopId::new(record.id).unwrap())
}

#[tokio::test]
async fn a_mirror_that_missed_updates_reads_anew_and_stores_what_holds() {
    let (_dir, table, id) = one_desktop().await;
    // Number 6 is missing: what came with 7 is not believed before everything was read again.
    let (first, _open) =
        watch(&id, 4, at(State::Stopped, 4), vec![(5, at(State::Starting, 5)), (7, at(State::Stopping, 7))]);
    let (second, _open_too) = watch(&id, 9, at(State::Stopped, 8), vec![(10, at(State::Starting, 10))]);
    let host = Arc::new(ScriptedHost { watches: Mutex::new(vec![first, second]), orders: Mutex::default() });
    let mirror = Mirror::new();
    let mut status = mirror.status(&id, || at(State::Failed, 0));
    let owner = table.get(id.as_str()).await.unwrap().unwrap().user_id;
    let (mut changes, mut others) = (mirror.changes(&owner), mirror.changes("somebody else"));
    let following =
        tokio::spawn(Writer::new(mirror.clone(), table.clone(), HashMap::new()).follow(host.clone()));
    mirror.shows(Sequence(10)).await;
    let shown = status.borrow_and_update().clone();
    assert_eq!((shown.state, shown.since), (State::Starting, 10));
    let mut told = 0;
    while changes.try_recv().is_ok() {
        told += 1;
    }
    assert_eq!(told, 4, "two snapshots and two updates, and nothing of the one behind the gap");
    assert!(others.try_recv().is_err(), "only the owner is told");
    let stored = table.get(id.as_str()).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.since), (State::Starting, 10));
    assert!(host.watches.lock().is_empty());
    following.abort();
}

#[tokio::test]
async fn what_was_deleted_is_shown_as_stopped() {
    let (_dir, table, id) = one_desktop().await;
    let (first, open) = watch(&id, 1, at(State::Running, 1), Vec::new());
    open.try_send(DesktopUpdate { sequence: Sequence(2), desktop: id.clone(), status: None }).unwrap();
    drop(open);
    let mirror = Mirror::new();
    let mut writer = Writer::new(mirror.clone(), table, HashMap::new());
    assert!(!writer.follow_watch(first).await, "the end of a watch is no gap");
    assert_eq!(mirror.status(&id, || at(State::Failed, 0)).borrow().state, State::Stopped);
}
