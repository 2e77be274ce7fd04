//! Sessions of users: opening, lookup, expiry and end.
//!
//! The table stores hashes of the sessions' tokens. The HTTP interface looks up a session for each request,
//! and the gateway watches the sessions of open streams.

use crate::error::AuthError;
use crate::secret::{Token, TokenHash};
use crate::user::User;
use parking_lot::Mutex;
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, Row};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// Identifier of a session: the hash of its token. It is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(TokenHash);

impl SessionId {
    /// Returns the identifier of the session with the token.
    pub fn of(token: &Token) -> Self {
        Self(token.hash())
    }

    /// Returns the bytes of the identifier.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

/// Open session of a user.
#[derive(Debug, Clone)]
pub struct Session {
    /// Identifier of the session.
    pub id: SessionId,
    /// User of the session.
    pub user: User,
}

/// Open session as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// IP address of the client at the login.
    pub address: String,
    /// Time of the login in seconds since 1970 UTC.
    pub created_at: i64,
    /// Time of the last use in seconds since 1970 UTC.
    pub last_seen_at: i64,
}

/// State of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// The session is open.
    Open {
        /// User of the session.
        user: User,
        /// Time until the end if the user does nothing.
        idle_left: Duration,
        /// Time until the end in any case.
        left: Duration,
    },
    /// The user did nothing for too long.
    Idle,
    /// The login is too long ago.
    Expired,
    /// The session was ended, or its user disabled or removed.
    Ended,
}

/// Lifetimes of sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// Maximum time without activity of the user: keys, pointer or touch.
    pub idle: Duration,
    /// Maximum time since the login.
    pub absolute: Duration,
}

/// Minimum interval in seconds between two updates of a session's last use, which limits writes to the disk.
const SEEN_EVERY_S: i64 = 20;
/// Maximum number of sessions of a user; a further login ends the least recently used one.
const PER_PERSON: i64 = 50;

/// Table of sessions in the database.
#[derive(Clone)]
pub struct Sessions {
    db: SqlitePool,
    limits: SessionLimits,
    ended: broadcast::Sender<SessionId>,
    /// Last use of sessions, as this process saw it; the database follows.
    used: Arc<Mutex<HashMap<SessionId, LastUse>>>,
}

/// Last use of a session in seconds since 1970 UTC.
struct LastUse {
    seen: i64,
    /// Time at which the last use was written to the database.
    written: i64,
}

impl Sessions {
    /// Makes a handle of the table in a database, with the lifetimes of sessions.
    pub fn new(db: SqlitePool, limits: SessionLimits) -> Self {
        Self { db, limits, ended: broadcast::channel(64).0, used: Arc::default() }
    }

    /// Returns a receiver of the identifiers of sessions that this process ends. Expired sessions, and those
    /// that another process ends, are found by [`Sessions::holds`] only.
    pub fn endings(&self) -> broadcast::Receiver<SessionId> {
        self.ended.subscribe()
    }

    /// Returns the lifetimes of sessions.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// Returns the maximum lifetime of a session, for the cookie's `Max-Age`.
    pub fn longest(&self) -> Duration {
        self.limits.absolute
    }

    /// Opens a session for a user from the client's address, removes expired sessions, and returns the new
    /// session's token.
    ///
    /// # Errors
    /// The database failed, or the kernel gave no random bytes.
    pub async fn open(&self, user_id: &str, address: &str, now: i64) -> Result<Token, AuthError> {
        let token = Token::random()?;
        let idle_since = self.idle_since(now);
        self.used.lock().retain(|_, used| used.seen > idle_since);
        let mut tx = self.db.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ?")
            .bind(now)
            .bind(idle_since)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "DELETE FROM sessions WHERE token_hash IN
             (SELECT token_hash FROM sessions WHERE user_id = ? ORDER BY last_seen_at DESC LIMIT -1 OFFSET ?)",
        )
        .bind(user_id)
        .bind(PER_PERSON - 1)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO sessions (token_hash, user_id, address, created_at, last_seen_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&token.hash().0[..])
        .bind(user_id)
        .bind(address)
        .bind(now)
        .bind(now)
        .bind(now.saturating_add(seconds(self.limits.absolute)))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Returns the session of a token; `None` for an ended or expired session. A request is no activity: pages
    /// send requests by themselves.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, token: &Token, now: i64) -> Result<Option<Session>, AuthError> {
        let id = SessionId::of(token);
        Ok(match self.state(id, now).await? {
            SessionState::Open { user, .. } => Some(Session { id, user }),
            SessionState::Idle | SessionState::Expired | SessionState::Ended => None,
        })
    }

    /// Returns whether the session is still open.
    ///
    /// # Errors
    /// The database failed.
    pub async fn holds(&self, id: SessionId, now: i64) -> Result<bool, AuthError> {
        Ok(matches!(self.state(id, now).await?, SessionState::Open { .. }))
    }

    /// Returns the state of a session.
    ///
    /// # Errors
    /// The database failed.
    pub async fn state(&self, id: SessionId, now: i64) -> Result<SessionState, AuthError> {
        let row = sqlx::query(
            "SELECT p.id, p.name, p.display_name, p.role, p.disabled_at, s.last_seen_at, s.expires_at
             FROM sessions s JOIN users p ON p.id = s.user_id
             WHERE s.token_hash = ? AND p.disabled_at IS NULL AND p.deleted_at IS NULL",
        )
        .bind(&id.0.0[..])
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(SessionState::Ended) };
        let seen: i64 = row.try_get("last_seen_at")?;
        let seen = self.used.lock().get(&id).map_or(seen, |used| seen.max(used.seen));
        let left = row.try_get::<i64, _>("expires_at")?.saturating_sub(now);
        let idle_left = seen.saturating_sub(self.idle_since(now));
        let duration = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Ok(match (left > 0, idle_left > 0) {
            (false, _) => SessionState::Expired,
            (true, false) => SessionState::Idle,
            (true, true) => SessionState::Open {
                user: User::from_row(&row)?,
                idle_left: duration(idle_left),
                left: duration(left),
            },
        })
    }

    /// Records activity of a session's user: a key, the pointer or a touch. The session must be open. The
    /// database is written in a task of its own, at most once in 20 seconds. It must be called on a tokio
    /// runtime.
    pub fn acted(&self, id: SessionId, now: i64) {
        let due = {
            let mut used = self.used.lock();
            let last = used.entry(id).or_insert(LastUse { seen: now, written: 0 });
            last.seen = last.seen.max(now);
            let due = now.saturating_sub(last.written) >= SEEN_EVERY_S;
            if due {
                last.written = now;
            }
            due
        };
        if due {
            let sessions = self.clone();
            tokio::spawn(async move {
                let written = sqlx::query(
                    "UPDATE sessions SET last_seen_at = max(last_seen_at, ?) WHERE token_hash = ?",
                )
                .bind(now)
                .bind(&id.0.0[..])
                .execute(&sessions.db)
                .await;
                if let Err(error) = written {
                    tracing::warn!(%error, "the last use of a session was not stored");
                }
            });
        }
    }

    /// Ends a session, and notifies the receivers of [`Sessions::endings`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn end(&self, id: SessionId) -> Result<(), AuthError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = ?").bind(&id.0.0[..]).execute(&self.db).await?;
        self.used.lock().remove(&id);
        // A channel without receivers is no failure.
        let _ = self.ended.send(id);
        Ok(())
    }

    /// Ends all sessions of a user, optionally except one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_all(&self, user_id: &str, except: Option<SessionId>) -> Result<(), AuthError> {
        let kept = except.map(|id| id.0.0.to_vec()).unwrap_or_default();
        let rows =
            sqlx::query("DELETE FROM sessions WHERE user_id = ? AND token_hash <> ? RETURNING token_hash")
                .bind(user_id)
                .bind(kept)
                .fetch_all(&self.db)
                .await?;
        for row in rows {
            if let Some(hash) = TokenHash::from_slice(row.try_get("token_hash")?) {
                let _ = self.ended.send(SessionId(hash));
            }
        }
        Ok(())
    }

    /// Lists the open sessions of a user, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_user(&self, user_id: &str, now: i64) -> Result<Vec<OpenSession>, AuthError> {
        let rows = sqlx::query(
            "SELECT address, created_at, last_seen_at FROM sessions
             WHERE user_id = ? AND expires_at > ? AND last_seen_at > ? ORDER BY created_at DESC",
        )
        .bind(user_id)
        .bind(now)
        .bind(self.idle_since(now))
        .fetch_all(&self.db)
        .await?;
        let sessions = rows.iter().map(|row| {
            Ok(OpenSession {
                address: row.try_get("address")?,
                created_at: row.try_get("created_at")?,
                last_seen_at: row.try_get("last_seen_at")?,
            })
        });
        Ok(sessions.collect::<sqlx::Result<_>>()?)
    }

    /// Returns the number of open sessions.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count(&self, now: i64) -> Result<i64, AuthError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM sessions WHERE expires_at > ? AND last_seen_at > ?")
            .bind(now)
            .bind(self.idle_since(now))
            .fetch_one(&self.db)
            .await?)
    }

    /// Returns the time of the last use before which a session is expired.
    fn idle_since(&self, now: i64) -> i64 {
        now.saturating_sub(seconds(self.limits.idle))
    }
}

/// Converts a duration to seconds.
fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
