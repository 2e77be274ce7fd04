//! Audit entries of commands on the command line.

use oriel_auth::AuditLog;
use oriel_auth::audit::Entry;
use oriel_vmm_api::sentence;
use sqlx::SqlitePool;

/// Records an action of the command line in the audit log.
pub(super) async fn record(db: &SqlitePool, action: &str, subject: &str, detail: &str) -> Result<(), String> {
    let entry = Entry { actor: "console", action, subject, detail, ..Entry::default() };
    AuditLog::new(db.clone()).record(entry).await.map_err(sentence)
}
