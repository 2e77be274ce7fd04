//! Appending of entries to the audit log.

use super::burst::Burst;
use super::chain::{Fields, SEGMENT, entry_code};
use super::head::{Head, LockedHead};
use super::key::AuditKey;
use crate::error::AuthError;
use parking_lot::Mutex;
use sqlx::sqlite::{Sqlite, SqlitePool};
use sqlx::{Row, Transaction};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Maximum number of characters of a field; longer ones are cut.
const LONGEST_FIELD: usize = 4096;

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

/// Audit log: entries in the database, and the key and the head in files of a folder.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
}

/// Parts that all handles of an audit log share.
pub(super) struct Shared {
    pub db: SqlitePool,
    pub key: AuditKey,
    folder: PathBuf,
    /// Lock before that of the file, so that waiting writers of this process block no thread.
    writing: tokio::sync::Mutex<()>,
    /// Entries of the present minute that strangers caused, by action.
    pub bursts: Mutex<HashMap<&'static str, Burst>>,
}

impl AuditLog {
    /// Opens the log in a database, with its key and its head in the files `audit.key` and `audit.head` of a
    /// folder. A folder without a key gets one; the next entry then begins a segment of the chain.
    ///
    /// # Errors
    /// [`AuthError::AuditFile`]: a file cannot be read or written.
    pub async fn open(db: SqlitePool, folder: &Path) -> Result<Self, AuthError> {
        let folder = folder.to_owned();
        let path = folder.clone();
        let key = blocking(move || {
            let head = LockedHead::open(&path)?;
            if let Some(key) = AuditKey::read(&path)? {
                return Ok(key);
            }
            let key = AuditKey::create(&path)?;
            head.write(&key, &Head::default())?;
            Ok(key)
        })
        .await?;
        let writing = tokio::sync::Mutex::default();
        Ok(Self { shared: Arc::new(Shared { db, key, folder, writing, bursts: Mutex::default() }) })
    }

    /// Appends an entry to the log, with the current time, and returns the entry's number. When the method
    /// returns, the entry is committed and the head is on the disk.
    ///
    /// # Errors
    /// The database or the file of the head failed.
    pub async fn record(&self, entry: Entry<'_>) -> Result<i64, AuthError> {
        let _writing = self.shared.writing.lock().await;
        let locked = self.lock_head().await?;
        let (locked, head) = self.read_head(locked).await?;
        let mut tx = self.shared.db.begin_with("BEGIN IMMEDIATE").await?;
        let (mut newest, begun) = self.newest(&mut tx, head).await?;
        if !begun {
            let id = self.shared.key.id();
            let fields = ["-", SEGMENT, id, "", "from here on every line is keyed"];
            newest = self.insert(&mut tx, &newest, &fields).await?;
        }
        let fields = [entry.actor, entry.action, entry.subject, entry.address, entry.detail].map(cut);
        let newest = self.insert(&mut tx, &newest, &fields).await?;
        tx.commit().await?;
        let shared = Arc::clone(&self.shared);
        let seq = newest.seq;
        blocking(move || locked.write(&shared.key, &newest)).await?;
        Ok(seq)
    }

    /// Waits for the lock of writers.
    pub(super) async fn lock_head(&self) -> Result<LockedHead, AuthError> {
        let folder = self.shared.folder.clone();
        blocking(move || LockedHead::open(&folder)).await
    }

    /// Reads the head; `None` if it is lost.
    pub(super) async fn read_head(
        &self,
        locked: LockedHead,
    ) -> Result<(LockedHead, Option<Head>), AuthError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || locked.read(&shared.key).map(|head| (locked, head))).await
    }

    /// Returns number and code of the entry that the next one follows, and whether the segment of the key has
    /// begun. The head decides where the database has less: the gap then shows when the chain is verified.
    async fn newest(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        head: Option<Head>,
    ) -> Result<(Head, bool), AuthError> {
        let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut **tx)
            .await?;
        let stored = match row {
            Some(row) => Head { seq: row.try_get("seq")?, code: row.try_get("hash")? },
            None => Head::default(),
        };
        match head {
            Some(head) if head.seq > 0 => Ok((if head.seq >= stored.seq { head } else { stored }, true)),
            // A power failure may have come between the first entry and its head.
            Some(_) => {
                let begun: bool = sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM audit WHERE action = ? AND subject = ?)",
                )
                .bind(SEGMENT)
                .bind(self.shared.key.id())
                .fetch_one(&mut **tx)
                .await?;
                Ok((stored, begun))
            }
            None => Ok((stored, false)),
        }
    }

    /// Inserts an entry after another, and returns its number and code.
    async fn insert(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        before: &Head,
        fields: &Fields<'_>,
    ) -> Result<Head, AuthError> {
        let at_ms = now_ms();
        let seq = before.seq.saturating_add(1);
        let code = entry_code(&self.shared.key, &before.code, seq, at_ms, fields).to_vec();
        let mut query = sqlx::query(
            "INSERT INTO audit (seq, at_ms, actor, action, subject, address, detail, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(seq)
        .bind(at_ms);
        for field in fields {
            query = query.bind(*field);
        }
        query.bind(&code).execute(&mut **tx).await?;
        Ok(Head { seq, code })
    }
}

/// Returns the time in milliseconds since 1970 UTC.
pub(super) fn now_ms() -> i64 {
    (time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

/// Cuts a field to [`LONGEST_FIELD`] characters.
fn cut(field: &str) -> &str {
    field.char_indices().nth(LONGEST_FIELD).map_or(field, |(end, _)| field.get(..end).unwrap_or(field))
}

/// Runs a function on files on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, AuthError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).and_then(|done| done).map_err(AuthError::AuditFile)
}
