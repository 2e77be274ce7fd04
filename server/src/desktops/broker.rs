//! From a user and a pool to a desktop on a host.

use super::handle::{DesktopHandle, ensure};
use super::mirror::{Mirror, Writer};
use super::resolve::resolve;
use super::table::{DesktopTable, MirroredState, Record};
use super::view::DesktopView;
use crate::users::{Settings, SettingsTable};
use oriel_host::client::HostMetrics;
use oriel_host::schedule::Priority;
use oriel_host::{DesktopId, Hold, HostClient, Status};
use parking_lot::Mutex;
use sqlx::sqlite::SqlitePool;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Users' desktops.
pub struct Broker {
    shared: Arc<Shared>,
    handles: Mutex<HashMap<String, DesktopHandle>>,
    mirroring: JoinHandle<()>,
}

/// What every handle needs.
pub(super) struct Shared {
    pub host: Arc<dyn HostClient>,
    pub table: DesktopTable,
    pub settings: SettingsTable,
    pub mirror: Mirror,
}

impl Broker {
    /// A broker for a host. Desktops that were recorded as up and that the host does not know, because an earlier version
    /// ran them, are given to the host first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(host: Arc<dyn HostClient>, db: SqlitePool) -> sqlx::Result<Self> {
        let table = DesktopTable::new(db.clone());
        let mirror = Mirror::new();
        let shared = Arc::new(Shared {
            host: Arc::clone(&host),
            table: table.clone(),
            settings: SettingsTable::new(db),
            mirror: mirror.clone(),
        });
        let mut written = HashMap::new();
        for record in table.all().await? {
            let Some(hold) = hold_of(&record) else { continue };
            if record.state.is_up()
                && let Err(error) = ensure(&shared, &hold, &record).await
            {
                tracing::error!(desktop = %record.id, %error, "a desktop that was up was not given to its host");
            }
            written.insert(hold.desktop, MirroredState::of_record(&record));
        }
        let mirroring = tokio::spawn(Writer::new(mirror, table, written).follow(host));
        Ok(Self { shared, handles: Mutex::default(), mirroring })
    }

    /// The host.
    pub fn host(&self) -> &dyn HostClient {
        &*self.shared.host
    }

    /// A user's desktops, one for each pool that the user is entitled to; made here where there is none yet.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_user(&self, user_id: &str, now: i64) -> sqlx::Result<Vec<Record>> {
        self.shared.table.of_user(user_id, now).await
    }

    /// The desktop of that identifier, if it is the user's and the user is still entitled to its pool.
    ///
    /// # Errors
    /// The database failed.
    pub async fn owned(&self, id: &str, user_id: &str) -> sqlx::Result<Option<Record>> {
        self.shared.table.owned(id, user_id).await
    }

    /// The way to a recorded desktop; `None` for a record whose identifier is none.
    pub fn handle(&self, record: &Record) -> Option<DesktopHandle> {
        let hold = hold_of(record)?;
        let mut handles = self.handles.lock();
        let handle = handles.entry(record.id.clone()).or_insert_with(|| {
            let recorded = || MirroredState::of_record(record).status();
            let status = self.shared.mirror.status(&hold.desktop, recorded);
            DesktopHandle::new(Arc::clone(&self.shared), hold, status)
        });
        Some(handle.clone())
    }

    /// A desktop as the API shows it to a user with these settings.
    pub async fn view(&self, record: &Record, settings: &Settings) -> Option<DesktopView> {
        let handle = self.handle(record)?;
        let spec = resolve(record, settings);
        let id = DesktopId::new(record.id.as_str()).ok()?;
        let plan = self.shared.host.plan(&id, &spec).await;
        Some(DesktopView::new(record, handle.status(), plan, settings))
    }

    /// Names each desktop that changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<String> {
        self.shared.mirror.changes()
    }

    /// The desktops that somebody asked for, and those that the host told of since, for counting.
    pub fn statuses(&self) -> Vec<(Status, Priority)> {
        let handles = self.handles.lock();
        let priority =
            |id: &DesktopId| handles.get(id.as_str()).map_or(Priority::Unwatched, DesktopHandle::priority);
        self.shared.mirror.statuses().into_iter().map(|(id, status)| (status, priority(&id))).collect()
    }

    /// What the machines of the host say of themselves.
    pub async fn metrics(&self) -> HostMetrics {
        self.shared.host.metrics().await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.mirroring.abort();
    }
}

/// Hold of a recorded desktop: its root disk in the first epoch; `None` if the record's identifier is invalid.
fn hold_of(record: &Record) -> Option<Hold> {
    DesktopId::new(record.id.as_str()).ok().map(Hold::first)
}
