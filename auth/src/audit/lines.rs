//! Reading of the audit log's entries.

use super::log::AuditLog;
use crate::error::AuthError;
use sqlx::sqlite::{SqliteExecutor, SqliteRow};
use sqlx::{FromRow, Row};

/// Number of entries that are read at once.
const PAGE: i64 = 1000;

/// Entry of the audit log as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Sequence number of the entry, from 1 without a gap.
    pub seq: i64,
    /// Time of the entry in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Login name of the user who acted, `console` for the command line, or `-`.
    pub actor: String,
    /// Name of the action.
    pub action: String,
    /// Object of the action; may be empty.
    pub subject: String,
    /// IP address of the client; may be empty.
    pub address: String,
    /// Outcome of the action.
    pub detail: String,
    /// Code of the entry.
    pub(super) code: Vec<u8>,
}

/// Filter of the audit log's entries; the default lets every entry pass.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Earliest time in milliseconds since 1970 UTC.
    pub since_ms: Option<i64>,
    /// Login name of the user who acted, or to whom something was done.
    pub user: Option<String>,
    /// Name of the action, or its beginning up to a dot.
    pub action: Option<String>,
}

impl FromRow<'_, SqliteRow> for AuditLine {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at_ms: row.try_get("at_ms")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            address: row.try_get("address")?,
            detail: row.try_get("detail")?,
            code: row.try_get("hash")?,
        })
    }
}

impl AuditLine {
    /// Returns the fields over which the code is computed.
    pub(super) fn fields(&self) -> super::chain::Fields<'_> {
        [&self.actor, &self.action, &self.subject, &self.address, &self.detail]
    }
}

impl AuditLog {
    /// Returns the next entries after the number `after` that pass the filter, at most 1000; none at the end.
    ///
    /// # Errors
    /// The database failed.
    pub async fn lines(&self, after: i64, filter: &AuditFilter) -> Result<Vec<AuditLine>, AuthError> {
        Ok(sqlx::query_as(
            "SELECT * FROM audit WHERE seq > ?1 AND (?2 IS NULL OR at_ms >= ?2)
               AND (?3 IS NULL OR actor = ?3 OR subject = ?3)
               AND (?4 IS NULL OR action = ?4 OR substr(action, 1, length(?4) + 1) = ?4 || '.')
             ORDER BY seq LIMIT ?5",
        )
        .bind(after)
        .bind(filter.since_ms)
        .bind(&filter.user)
        .bind(&filter.action)
        .bind(PAGE)
        .fetch_all(&self.shared.db)
        .await?)
    }
}

/// Returns the next entries after the number `after`, at most 1000.
pub(super) async fn page(db: impl SqliteExecutor<'_>, after: i64) -> sqlx::Result<Vec<AuditLine>> {
    sqlx::query_as("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?")
        .bind(after)
        .bind(PAGE)
        .fetch_all(db)
        .await
}
