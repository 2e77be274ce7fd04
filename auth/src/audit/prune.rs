//! Removal of old entries. An anchor keeps number and code of the last removed entry, authenticated with the
//! key, so that the rest of the chain stays verifiable.

use super::anchor::Anchor;
use super::lines::page;
use super::log::{AuditLog, Entry};
use super::verify::{Broken, Walk};
use crate::error::AuthError;

/// Result of a removal of old entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Number of removed entries.
    pub lines: i64,
    /// Sequence number of the last removed entry; 0 if none was removed.
    pub up_to: i64,
}

impl AuditLog {
    /// Removes the entries at the beginning of the log that are older than a time in milliseconds since 1970
    /// UTC, and records the removal. Entries that do not fit the chain are evidence and are not removed; the
    /// inner error names the first of them.
    ///
    /// # Errors
    /// The database or the file of the head failed.
    pub async fn prune(&self, before_ms: i64) -> Result<Result<Pruned, Broken>, AuthError> {
        let none = Pruned { lines: 0, up_to: 0 };
        let key = &self.shared.key;
        // An entry that cannot be recorded later must not be the reason for an unexplained gap.
        let first_kept: Option<i64> = sqlx::query_scalar("SELECT min(seq) FROM audit WHERE at_ms >= ?")
            .bind(before_ms)
            .fetch_one(&self.shared.db)
            .await?;
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT max(seq) FROM audit").fetch_one(&self.shared.db).await?;
        // The newest entry stays: the next one is linked to it.
        let Some(end) = first_kept.or(newest) else { return Ok(Ok(none)) };
        let anchor = Anchor::read(&self.shared.db).await?;
        let mut walk = match Walk::begin(key, anchor.as_ref()) {
            Ok(walk) => walk,
            Err(broken) => return Ok(Err(broken)),
        };
        'pages: loop {
            let lines = page(&self.shared.db, walk.last.seq).await?;
            if lines.is_empty() {
                break;
            }
            for line in lines {
                if line.seq >= end {
                    break 'pages;
                }
                if let Err(broken) = walk.step(line) {
                    return Ok(Err(broken));
                }
            }
        }
        if walk.lines == 0 {
            return Ok(Ok(none));
        }
        let pruned = Pruned { lines: walk.lines, up_to: walk.last.seq };
        let detail = format!("{} lines up to line {}", pruned.lines, pruned.up_to);
        self.record(Entry { actor: "-", action: "audit.prune", detail: &detail, ..Entry::default() }).await?;
        let anchor = Anchor::new(key, walk.last.seq, walk.last.code, walk.keyed);
        let mut tx = self.shared.db.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT OR REPLACE INTO audit_anchor (id, seq, hash, keyed, mac) VALUES (1, ?, ?, ?, ?)")
            .bind(anchor.seq)
            .bind(&anchor.code)
            .bind(anchor.keyed)
            .bind(&anchor.mac)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM audit WHERE seq <= ?").bind(anchor.seq).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Ok(pruned))
    }
}
