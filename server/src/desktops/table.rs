//! Table of desktops: owners, pools, and the states that the host last reported.

use crate::pools::Pool;
use oriel_host::{DesktopId, State, Status};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row};

/// Row of the table of desktops, joined with its user and its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Identifier of the desktop; never changes. It is no credential.
    pub id: String,
    /// Identifier of the user who owns the desktop.
    pub user_id: String,
    /// Login name of the user.
    pub user_name: String,
    /// Pool of the desktop.
    pub pool: Pool,
    /// State that the host last reported.
    pub state: State,
    /// Reason of the state in one sentence, if there is one.
    pub reason: Option<String>,
    /// Time at which the desktop entered the state, in seconds since 1970 UTC.
    pub since: i64,
    /// Process number of the leader of the machine's process group; `None` without a machine.
    pub pid: Option<u32>,
}

impl FromRow<'_, SqliteRow> for Record {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            user_name: row.try_get("user_name")?,
            pool: Pool::from_columns(row)?,
            state: State::from_stored(row.try_get("state")?),
            reason: row.try_get("reason")?,
            since: row.try_get("since")?,
            pid: row.try_get("pid")?,
        })
    }
}

/// Part of a desktop's status that the database stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MirroredState {
    state: State,
    reason: Option<String>,
    since: i64,
    pid: Option<u32>,
}

impl MirroredState {
    /// Returns the stored part of a status.
    pub(super) fn of(status: &Status) -> Self {
        let Status { state, reason, since, pid, .. } = status;
        Self { state: *state, reason: reason.clone(), since: *since, pid: *pid }
    }

    /// Returns the stored part of a record.
    pub(super) fn of_record(record: &Record) -> Self {
        let Record { state, reason, since, pid, .. } = record;
        Self { state: *state, reason: reason.clone(), since: *since, pid: *pid }
    }

    /// Returns a status with the stored part, and defaults for the rest.
    pub(super) fn status(&self) -> Status {
        Status { pid: self.pid, ..Status::recorded(self.state, self.reason.clone(), self.since) }
    }
}

/// Table of desktops in the database.
#[derive(Clone)]
pub struct DesktopTable {
    db: SqlitePool,
}

impl DesktopTable {
    /// Makes a handle of the table in a database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Lists a user's desktops by the names of their pools, one for each pool that the user is entitled to. A
    /// missing desktop is created with the time `now` in seconds since 1970 UTC.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_user(&self, user_id: &str, now: i64) -> sqlx::Result<Vec<Record>> {
        // A read does not wait for the write lock, and usually finds nothing missing.
        let missing: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM entitlements e WHERE e.user_id = ? AND NOT EXISTS
               (SELECT 1 FROM desktops d WHERE d.user_id = e.user_id AND d.pool_id = e.pool_id))",
        )
        .bind(user_id)
        .fetch_one(&self.db)
        .await?;
        if missing {
            // The insertion checks again under the write lock, so that concurrent calls create one desktop.
            let mut writing = self.db.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query(
                "INSERT INTO desktops (id, user_id, pool_id, state, since)
                 SELECT lower(hex(randomblob(16))), e.user_id, e.pool_id, 'stopped', ?
                 FROM entitlements e WHERE e.user_id = ? AND NOT EXISTS
                   (SELECT 1 FROM desktops d WHERE d.user_id = e.user_id AND d.pool_id = e.pool_id)",
            )
            .bind(now)
            .bind(user_id)
            .execute(&mut *writing)
            .await?;
            writing.commit().await?;
        }
        let sql = select("WHERE d.user_id = ? AND e.user_id IS NOT NULL ORDER BY p.name");
        sqlx::query_as(AssertSqlSafe(sql)).bind(user_id).fetch_all(&self.db).await
    }

    /// Returns the desktop with the identifier `id`, if the user owns it and is still entitled to its pool.
    ///
    /// # Errors
    /// The database failed.
    pub async fn owned(&self, id: &str, user_id: &str) -> sqlx::Result<Option<Record>> {
        let sql = select("WHERE d.id = ? AND d.user_id = ? AND e.user_id IS NOT NULL");
        sqlx::query_as(AssertSqlSafe(sql)).bind(id).bind(user_id).fetch_optional(&self.db).await
    }

    /// Returns the desktop with the identifier `id`; `None` also if its user was removed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn get(&self, id: &str) -> sqlx::Result<Option<Record>> {
        sqlx::query_as(AssertSqlSafe(select("WHERE d.id = ? AND users.deleted_at IS NULL")))
            .bind(id)
            .fetch_optional(&self.db)
            .await
    }

    /// Lists all desktops, also those whose users are no longer entitled to the pool.
    ///
    /// # Errors
    /// The database failed.
    pub async fn all(&self) -> sqlx::Result<Vec<Record>> {
        sqlx::query_as(AssertSqlSafe(select("ORDER BY d.id"))).fetch_all(&self.db).await
    }

    /// Lists the desktops of removed users, which are to be deleted.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_removed_users(&self) -> sqlx::Result<Vec<Record>> {
        let sql = select("WHERE users.deleted_at IS NOT NULL ORDER BY d.id");
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.db).await
    }

    /// Removes the rows of removed users who have no desktop left.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn forget_removed_users(&self) -> sqlx::Result<()> {
        sqlx::query(
            "DELETE FROM users WHERE deleted_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM desktops d WHERE d.user_id = users.id)",
        )
        .execute(&self.db)
        .await?;
        Ok(())
    }

    /// Stores the state that the host reported of a desktop; ignores an unknown desktop.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn mirror(&self, id: &DesktopId, state: &MirroredState) -> sqlx::Result<()> {
        sqlx::query("UPDATE desktops SET state = ?, reason = ?, since = ?, pid = ? WHERE id = ?")
            .bind(state.state.as_str())
            .bind(&state.reason)
            .bind(state.since)
            .bind(state.pid)
            .bind(id.as_str())
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Removes a desktop's record. The desktop's folder stays, and the host must remove it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(&self, id: &str) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM desktops WHERE id = ?").bind(id).execute(&self.db).await?;
        Ok(())
    }
}

/// Returns the query for records with the given clauses after the joins.
fn select(rest: &'static str) -> String {
    format!(
        "SELECT d.id, d.user_id, users.name AS user_name, d.state, d.reason, d.since, d.pid, {}
         FROM desktops d JOIN users ON users.id = d.user_id JOIN pools p ON p.id = d.pool_id
         LEFT JOIN entitlements e ON e.pool_id = d.pool_id AND e.user_id = d.user_id {rest}",
        Pool::COLUMNS
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools::{PoolSettings, Pools};
    use crate::state::{StateDir, open_database};
    use oriel_auth::{Role, Users};

    #[tokio::test]
    async fn however_many_look_at_once_there_is_one_desktop_for_each_pool() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_database(&StateDir::open(dir.path()).unwrap()).await.unwrap();
        let pools = Pools::new(db.clone());
        let ada = Users::new(db.clone()).add("ada", Role::User, "hash", 0).await.unwrap();
        for name in ["office", "lab"] {
            pools.add(name, &PoolSettings::new("x".into()), 0).await.unwrap();
            pools.entitle(name, &ada.id).await.unwrap();
        }
        let table = DesktopTable::new(db);
        let looks = (0..16).map(|_| {
            let (table, id) = (table.clone(), ada.id.clone());
            tokio::spawn(async move { table.of_user(&id, 0).await.unwrap().len() })
        });
        for look in looks.collect::<Vec<_>>() {
            assert_eq!(look.await.unwrap(), 2);
        }
        assert_eq!(table.all().await.unwrap().len(), 2);
    }
}
