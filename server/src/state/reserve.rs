//! Room that the database keeps for itself, so that logins, stops and the audit log go on when desktops have
//! filled the disk.
//!
//! The room lies where nobody else can take it: free pages within the database, and a write-ahead log that is
//! long already and is written over again (<https://www.sqlite.org/wal.html>). A file beside them is removed
//! when the server starts on a full disk, since the log is made anew then.

use super::StateDir;
use crate::metrics::Metrics;
use sqlx::sqlite::SqlitePool;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are kept in the database, in its log, and in the file, each.
pub const RESERVE: u64 = 8 << 20;
/// Free bytes of the file system below which the reserve is not filled again.
const LEAST_FREE: u64 = 128 << 20;
/// Free bytes of the file system below which the server starts by removing the file.
const LEAST_FREE_TO_OPEN: u64 = 1 << 20;
/// Interval at which the reserve is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Reserve of one database.
pub struct DatabaseReserve {
    db: SqlitePool,
    state: StateDir,
}

/// Bytes that a reserve has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// Bytes in free pages of the database.
    pub pages: u64,
    /// Bytes of the write-ahead log; 0 while no server runs.
    pub log: u64,
    /// Bytes in the file.
    pub file: u64,
}

impl DatabaseReserve {
    /// Makes a handle of the reserve of a state folder's open database.
    pub fn new(db: SqlitePool, state: StateDir) -> Self {
        Self { db, state }
    }

    /// Gives the file's room to the database, if there is no other room to open it.
    pub fn release_to_open(state: &StateDir) {
        if free_bytes(state.root()).is_some_and(|free| free < LEAST_FREE_TO_OPEN)
            && fs::remove_file(state.reserve()).is_ok()
        {
            tracing::warn!("the disk is full: the database is opened in the room that was kept for it");
        }
    }

    /// Fills the reserve whenever there is room, without end, and logs when the disk is nearly full.
    pub async fn keep(self, metrics: Arc<Metrics>) {
        let mut nearly_full = false;
        loop {
            let free = free_bytes(self.state.root());
            let is_nearly_full = free.is_some_and(|free| free < LEAST_FREE);
            if is_nearly_full && !nearly_full {
                tracing::warn!(
                    free_mib = free.unwrap_or_default() >> 20,
                    "the disk of the state folder is nearly full; logins, stops and the audit log go on in the room that \
                     the database keeps; make room"
                );
            } else if nearly_full && !is_nearly_full {
                tracing::info!("the disk of the state folder has room again");
            }
            nearly_full = is_nearly_full;
            if !nearly_full && let Err(error) = self.fill().await {
                tracing::warn!(%error, "the database's reserve could not be filled");
            }
            match self.reserved().await {
                Ok(Reserved { pages, log, .. }) => metrics.set_database_reserve(pages.saturating_add(log)),
                Err(error) => tracing::warn!(%error, "the database's reserve could not be read"),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Measures the reserve.
    ///
    /// # Errors
    /// The database failed.
    pub async fn reserved(&self) -> sqlx::Result<Reserved> {
        let pages: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&self.db).await?;
        let page_size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&self.db).await?;
        Ok(Reserved {
            pages: u64::try_from(pages.saturating_mul(page_size)).unwrap_or(0),
            log: allocated(&self.state.database_log()),
            file: allocated(&self.state.reserve()),
        })
    }

    /// Fills what is missing of the reserve.
    ///
    /// # Errors
    /// The database failed, or the file cannot be written.
    pub async fn fill(&self) -> sqlx::Result<()> {
        let Reserved { pages, log, file } = self.reserved().await?;
        // The audit log and the sessions take from the pages all the time.
        if pages < RESERVE / 2 || log < RESERVE {
            let bytes = i64::try_from(RESERVE).unwrap_or(i64::MAX);
            sqlx::query("INSERT INTO database_reserve (room) VALUES (zeroblob(?))")
                .bind(bytes)
                .execute(&self.db)
                .await?;
            // Freed pages that are still in the log are never written to the database, and take no room there.
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.db).await?;
            sqlx::query("DELETE FROM database_reserve").execute(&self.db).await?;
        }
        if file < RESERVE {
            let path = self.state.reserve();
            let made = tokio::task::spawn_blocking(move || make_file(&path)).await;
            made.map_err(io::Error::other).and_then(|made| made).map_err(sqlx::Error::Io)?;
        }
        Ok(())
    }
}

/// Makes the file, with all of its bytes allocated.
fn make_file(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let made = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE);
    if made.is_err() {
        // The caller needs the error of the allocation.
        let _ = fs::remove_file(path);
    }
    made.map_err(io::Error::from)
}

/// Returns the bytes that a file takes on the disk; 0 if there is no file.
fn allocated(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |facts| facts.blocks().saturating_mul(512))
}

/// Returns the free bytes of the file system; `None` if they cannot be read.
fn free_bytes(place: &Path) -> Option<u64> {
    rustix::fs::statvfs(place).ok().map(|space| space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::open_database;

    #[tokio::test]
    async fn the_reserve_is_filled_once_and_lies_within_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let db = open_database(&state).await.unwrap();
        let reserve = DatabaseReserve::new(db, state.clone());
        assert!(reserve.reserved().await.unwrap().pages < RESERVE / 2);
        reserve.fill().await.unwrap();
        let filled = reserve.reserved().await.unwrap();
        assert!(filled.pages >= RESERVE && filled.log >= RESERVE && filled.file >= RESERVE, "{filled:?}");
        assert!(allocated(&state.database()) >= RESERVE, "the free pages take no room");
        reserve.fill().await.unwrap();
        assert_eq!(reserve.reserved().await.unwrap(), filled);
    }
}
