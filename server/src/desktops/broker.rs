//! Broker: the way from a user and a pool to a desktop on a host.

use super::broker_state::BrokerState;
use super::deletion;
use super::handle::{DesktopHandle, ensure};
use super::mirror::{Mirror, Writer};
use super::resolve::resolve;
use super::table::{DesktopTable, MirroredState, Record};
use super::view::DesktopView;
use crate::changes::Changes;
use crate::users::{Settings, SettingsTable};
use futures_util::future::join_all;
use oriel_auth::AuditLog;
use oriel_host::client::HostMetrics;
use oriel_host::schedule::Priority;
use oriel_host::{DesktopId, Hold, HostClient, Status};
use parking_lot::Mutex;
use sqlx::sqlite::SqlitePool;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Longest time for a host to take a desktop that was up when the server starts.
const ENSURE_TIMEOUT: Duration = Duration::from_secs(10);

/// Broker of all users' desktops on one host.
pub struct Broker {
    shared: Arc<BrokerState>,
    handles: Mutex<HashMap<String, DesktopHandle>>,
    mirroring: JoinHandle<()>,
    deleting: JoinHandle<()>,
}

impl Broker {
    /// Opens a broker for a host, and starts two tasks: one mirrors the host, and one deletes the desktops of
    /// removed users and records that in the audit log. Desktops that the database records
    /// as up are first created on the host, which may not have them if an earlier version of Oriel ran them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(
        host: Arc<dyn HostClient>,
        db: SqlitePool,
        audit: AuditLog,
        changes: &Changes,
    ) -> sqlx::Result<Self> {
        let table = DesktopTable::new(db.clone());
        let mirror = Mirror::new();
        let shared = Arc::new(BrokerState {
            host: Arc::clone(&host),
            table: table.clone(),
            settings: SettingsTable::new(db),
            mirror: mirror.clone(),
        });
        let mut written = HashMap::new();
        let mut up = Vec::new();
        for record in table.all().await? {
            let Some(hold) = hold_of(&record) else { continue };
            mirror.set_owner(&hold.desktop, &record.user_id);
            written.insert(hold.desktop.clone(), MirroredState::of_record(&record));
            if record.state.is_up() {
                up.push((hold, record));
            }
        }
        // All at once, and not for ever: a desktop that does not answer keeps the server from no other.
        let ensured = up.iter().map(|(hold, record)| async {
            match tokio::time::timeout(ENSURE_TIMEOUT, ensure(&shared, hold, record)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::error!(desktop = %record.id, %error, "a desktop that was up was not given to its host");
                }
                Err(_) => tracing::error!(desktop = %record.id, "the host did not take a desktop that was up in time"),
            }
        });
        join_all(ensured).await;
        let mirroring = tokio::spawn(Writer::new(mirror, table, written).follow(host));
        let deleting = tokio::spawn(deletion::follow(Arc::clone(&shared), audit, changes.subscribe()));
        Ok(Self { shared, handles: Mutex::default(), mirroring, deleting })
    }

    /// Returns the client of the host.
    pub fn host(&self) -> &dyn HostClient {
        &*self.shared.host
    }

    /// Lists a user's desktops, one for each pool that the user is entitled to. A missing desktop is created
    /// in the database with the time `now` in seconds since 1970 UTC.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_user(&self, user_id: &str, now: i64) -> sqlx::Result<Vec<Record>> {
        self.shared.table.of_user(user_id, now).await
    }

    /// Returns the desktop with the identifier `id`, if the user owns it and is still entitled to its pool.
    ///
    /// # Errors
    /// The database failed.
    pub async fn owned(&self, id: &str, user_id: &str) -> sqlx::Result<Option<Record>> {
        self.shared.table.owned(id, user_id).await
    }

    /// Returns the handle of a recorded desktop; `None` if the record's identifier is not valid.
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

    /// Returns the API's view of a desktop for a user with the given settings; `None` if the record's
    /// identifier is not valid.
    pub async fn view(&self, record: &Record, settings: &Settings) -> Option<DesktopView> {
        let handle = self.handle(record)?;
        let spec = resolve(record, settings);
        let id = DesktopId::new(record.id.as_str()).ok()?;
        let plan = self.shared.host.plan(&id, &spec).await;
        Some(DesktopView::new(record, handle.status(), plan, settings))
    }

    /// Returns a receiver of the identifier of each of a user's desktops that changes from now on.
    pub fn changes(&self, user_id: &str) -> broadcast::Receiver<String> {
        self.shared.mirror.changes(user_id)
    }

    /// Returns the status and the priority of every desktop that the mirror has, for metrics.
    pub fn statuses(&self) -> Vec<(Status, Priority)> {
        let handles = self.handles.lock();
        let priority =
            |id: &DesktopId| handles.get(id.as_str()).map_or(Priority::Unwatched, DesktopHandle::priority);
        self.shared.mirror.statuses().into_iter().map(|(id, status)| (status, priority(&id))).collect()
    }

    /// Collects the measurements that the host's machines report.
    pub async fn metrics(&self) -> HostMetrics {
        self.shared.host.metrics().await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.mirroring.abort();
        self.deleting.abort();
    }
}

/// Returns the hold of a recorded desktop in the first epoch; `None` if the record's identifier is not valid.
fn hold_of(record: &Record) -> Option<Hold> {
    DesktopId::new(record.id.as_str()).ok().map(Hold::first)
}
