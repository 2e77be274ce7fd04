//! Changes of rights in the database that a running server follows, whichever process made them.
//!
//! Triggers write a row for each change of a user, a session, an entitlement or a pool's redirection policy.
//! The server reads new rows four times a second, which is one look at the end of a table.

use sqlx::Row;
use sqlx::sqlite::SqlitePool;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Interval at which new rows are read.
const EVERY: Duration = Duration::from_millis(250);
/// Maximum number of rows that are read at once.
const PAGE: i64 = 500;
/// Capacity of the channel; a receiver that is further behind looks at everything.
const CAPACITY: usize = 1024;

/// Object whose rights changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// User with the identifier, or the user's sessions or entitlements.
    User(String),
    /// Redirection policy of the pool with the identifier.
    Pool(String),
    /// Anything: changes were missed.
    Anything,
}

impl Changed {
    /// Returns whether the change may concern the user with the identifier `id`. A pool's policy concerns the
    /// streams of its desktops alone.
    pub fn concerns_user(&self, id: &str) -> bool {
        match self {
            Self::User(user) => user == id,
            Self::Pool(_) => false,
            Self::Anything => true,
        }
    }
}

/// Reader of changes, which runs until the value is dropped.
pub struct Changes {
    sender: broadcast::Sender<Changed>,
    reading: JoinHandle<()>,
}

/// Receiver of changes.
pub struct ChangeReceiver(broadcast::Receiver<Changed>);

impl Changes {
    /// Begins to read changes that are made from now on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(db: SqlitePool) -> sqlx::Result<Self> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM changes").fetch_one(&db).await?;
        let sender = broadcast::channel(CAPACITY).0;
        let reading = tokio::spawn(read(db, newest.unwrap_or(0), sender.clone()));
        Ok(Self { sender, reading })
    }

    /// Returns a receiver of the changes that are read from now on.
    pub fn subscribe(&self) -> ChangeReceiver {
        ChangeReceiver(self.sender.subscribe())
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl ChangeReceiver {
    /// Waits for the next change.
    pub async fn next(&mut self) -> Changed {
        match self.0.recv().await {
            Ok(changed) => changed,
            Err(RecvError::Lagged(_)) => Changed::Anything,
            // The server ends, and no change follows.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Reads changes after the row `last`, without end.
async fn read(db: SqlitePool, mut last: i64, sender: broadcast::Sender<Changed>) {
    let mut turns = tokio::time::interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        turns.tick().await;
        let rows = sqlx::query("SELECT id, kind, subject FROM changes WHERE id > ? ORDER BY id LIMIT ?")
            .bind(last)
            .bind(PAGE)
            .fetch_all(&db)
            .await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "changes of rights cannot be read");
                }
                failing = true;
                continue;
            }
        };
        failing = false;
        for row in rows {
            let (Ok(id), Ok(kind), Ok(subject)) =
                (row.try_get::<i64, _>("id"), row.try_get::<&str, _>("kind"), row.try_get("subject"))
            else {
                continue;
            };
            let changed = match kind {
                // Rows before this one are gone already.
                _ if id != last.saturating_add(1) => Changed::Anything,
                "user" => Changed::User(subject),
                "pool" => Changed::Pool(subject),
                _ => Changed::Anything,
            };
            last = id;
            // A channel without receivers is no failure.
            let _ = sender.send(changed);
        }
    }
}
