//! Audit log: actions with their actors and outcomes, in entries linked by hashes.
//!
//! The hash of an entry is the SHA-256 over the hash of the entry before and every field, each with its
//! length. A change, removal or insertion breaks every later hash. The removal of the last entries does not
//! show in the log alone; for that, the newest hash must be kept elsewhere.

use crate::error::AuthError;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};

/// Prefix of the hashed bytes, which separates these hashes from other uses of SHA-256.
const DOMAIN: &[u8] = b"oriel audit 1";

/// Entry of the audit log: one action and its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Login name of the user who acted, `console` for the command line, or `-` before a login.
    pub actor: &'a str,
    /// Name of the action, like `login` or `desktop.start`.
    pub action: &'a str,
    /// Object of the action: a desktop's identifier or a name; may be empty.
    pub subject: &'a str,
    /// IP address of the client; may be empty.
    pub address: &'a str,
    /// Outcome of the action in a word or a sentence.
    pub detail: &'a str,
}

/// Position at which the chain of hashes is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Sequence number of the first entry that does not fit the chain of hashes.
    pub seq: i64,
}

/// Audit log in the database.
#[derive(Clone)]
pub struct AuditLog {
    db: SqlitePool,
}

/// Row of the audit log.
struct StoredEntry {
    seq: i64,
    at_ms: i64,
    fields: [String; 5],
    hash: Vec<u8>,
}

impl FromRow<'_, SqliteRow> for StoredEntry {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at_ms: row.try_get("at_ms")?,
            fields: [
                row.try_get("actor")?,
                row.try_get("action")?,
                row.try_get("subject")?,
                row.try_get("address")?,
                row.try_get("detail")?,
            ],
            hash: row.try_get("hash")?,
        })
    }
}

impl AuditLog {
    /// Makes a handle of the log in a database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Appends an entry to the log, with the current time. The entry is committed when the method returns.
    ///
    /// # Errors
    /// The database failed.
    pub async fn record(&self, entry: Entry<'_>) -> Result<(), AuthError> {
        let at_ms = (time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64;
        // The command line writes while a server runs, so the lock is taken before the last entry is read.
        let mut tx = self.db.begin_with("BEGIN IMMEDIATE").await?;
        let last = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *tx)
            .await?;
        let (seq, before) = match last {
            Some(row) => (row.try_get::<i64, _>("seq")?.saturating_add(1), row.try_get("hash")?),
            None => (1, Vec::new()),
        };
        let fields = [entry.actor, entry.action, entry.subject, entry.address, entry.detail];
        sqlx::query(
            "INSERT INTO audit (seq, at_ms, actor, action, subject, address, detail, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(seq)
        .bind(at_ms)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.subject)
        .bind(entry.address)
        .bind(entry.detail)
        .bind(line_hash(&before, seq, at_ms, &fields).to_vec())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Verifies the chain of hashes over all entries; the inner error names the first entry that does not
    /// fit.
    ///
    /// # Errors
    /// The database failed.
    pub async fn verify(&self) -> Result<Result<(), Broken>, AuthError> {
        const PAGE: i64 = 1000;
        let mut before = Vec::new();
        let mut last = 0;
        loop {
            let lines: Vec<StoredEntry> =
                sqlx::query_as("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?")
                    .bind(last)
                    .bind(PAGE)
                    .fetch_all(&self.db)
                    .await?;
            if lines.is_empty() {
                return Ok(Ok(()));
            }
            for line in lines {
                let fields = line.fields.each_ref().map(String::as_str);
                let expected = line_hash(&before, line.seq, line.at_ms, &fields);
                if line.seq != last + 1 || line.hash != expected {
                    return Ok(Err(Broken { seq: line.seq }));
                }
                last = line.seq;
                before = line.hash;
            }
        }
    }
}

/// Computes the hash of an entry from the hash before and the entry's fields.
fn line_hash(before: &[u8], seq: i64, at_ms: i64, fields: &[&str; 5]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update((before.len() as u64).to_le_bytes());
    hash.update(before);
    hash.update(seq.to_le_bytes());
    hash.update(at_ms.to_le_bytes());
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::database;

    async fn three_lines() -> (AuditLog, SqlitePool) {
        let db = database().await;
        let log = AuditLog::new(db.clone());
        for action in ["login", "ticket", "logout"] {
            log.record(Entry { actor: "ada", action, ..Entry::default() }).await.unwrap();
        }
        (log, db)
    }

    #[tokio::test]
    async fn an_untouched_log_holds() {
        let (log, _) = three_lines().await;
        assert_eq!(log.verify().await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn every_kind_of_tampering_is_found_at_its_line() {
        for (tampering, at) in [
            ("UPDATE audit SET actor = 'eve' WHERE seq = 2", 2),
            ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1", 1),
            ("UPDATE audit SET actor = 'adat', action = 'icket' WHERE seq = 2", 2),
            ("DELETE FROM audit WHERE seq = 2", 3),
            ("DELETE FROM audit WHERE seq = 1", 2),
            ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 3", 3),
        ] {
            let (log, db) = three_lines().await;
            sqlx::query(tampering).execute(&db).await.unwrap();
            assert_eq!(log.verify().await.unwrap(), Err(Broken { seq: at }), "{tampering}");
        }
    }
}
