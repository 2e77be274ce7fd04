//! What was done at the command line goes into the audit log too.

use oriel_auth::AuditLog;
use oriel_auth::audit::Entry;
use sqlx::SqlitePool;

/// Records that something was done; `detail` says how, where that is not plain.
pub(super) async fn record(db: &SqlitePool, action: &str, subject: &str, detail: &str) -> Result<(), String> {
    let entry = Entry { actor: "console", action, subject, detail, ..Entry::default() };
    AuditLog::new(db.clone()).record(entry).await.map_err(super::user::sentence)
}
