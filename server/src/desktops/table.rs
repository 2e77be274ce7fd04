//! What is remembered of desktops on disk.

use super::status::State;
use crate::people::Pool;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row};

/// A desktop as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Never changes; no credential.
    pub id: String,
    /// Whose.
    pub person_id: String,
    /// Their name.
    pub person_name: String,
    /// Of which pool.
    pub pool: Pool,
    /// The state that was last recorded.
    pub state: State,
    /// With its reason.
    pub reason: Option<String>,
    /// And its time.
    pub since: i64,
    /// The leader of the machine's process group.
    pub pid: Option<u32>,
}

impl FromRow<'_, SqliteRow> for Record {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            person_id: row.try_get("person_id")?,
            person_name: row.try_get("person_name")?,
            pool: Pool::from_columns(row)?,
            state: State::from_stored(row.try_get("state")?),
            reason: row.try_get("reason")?,
            since: row.try_get("since")?,
            pid: row.try_get("pid")?,
        })
    }
}

/// The table of desktops.
#[derive(Clone)]
pub struct DesktopTable {
    db: SqlitePool,
}

impl DesktopTable {
    /// Over the given database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// The person's desktops: one for each pool they are entitled to, made here when it is new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_person(&self, person_id: &str, now: i64) -> sqlx::Result<Vec<Record>> {
        // Looked for first, because a read waits for nobody.
        let missing: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM entitlements e WHERE e.person_id = ? AND NOT EXISTS
               (SELECT 1 FROM desktops d WHERE d.person_id = e.person_id AND d.pool_id = e.pool_id))",
        )
        .bind(person_id)
        .fetch_one(&self.db)
        .await?;
        if missing {
            sqlx::query(
                "INSERT INTO desktops (id, person_id, pool_id, state, since)
                 SELECT lower(hex(randomblob(16))), e.person_id, e.pool_id, 'stopped', ?
                 FROM entitlements e WHERE e.person_id = ? ON CONFLICT DO NOTHING",
            )
            .bind(now)
            .bind(person_id)
            .execute(&self.db)
            .await?;
        }
        let sql = select("WHERE d.person_id = ? AND e.person_id IS NOT NULL ORDER BY p.name");
        sqlx::query_as(AssertSqlSafe(sql)).bind(person_id).fetch_all(&self.db).await
    }

    /// The desktop, if it is the person's and they are still entitled to its pool.
    ///
    /// # Errors
    /// The database failed.
    pub async fn owned(&self, id: &str, person_id: &str) -> sqlx::Result<Option<Record>> {
        let sql = select("WHERE d.id = ? AND d.person_id = ? AND e.person_id IS NOT NULL");
        sqlx::query_as(AssertSqlSafe(sql)).bind(id).bind(person_id).fetch_optional(&self.db).await
    }

    /// The desktop of that identifier.
    ///
    /// # Errors
    /// The database failed.
    pub async fn get(&self, id: &str) -> sqlx::Result<Option<Record>> {
        sqlx::query_as(AssertSqlSafe(select("WHERE d.id = ?"))).bind(id).fetch_optional(&self.db).await
    }

    /// All desktops, entitled or not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn all(&self) -> sqlx::Result<Vec<Record>> {
        sqlx::query_as(AssertSqlSafe(select("ORDER BY d.id"))).fetch_all(&self.db).await
    }

    /// Records a new state.
    ///
    /// # Errors
    /// The database failed; then the change must not be made.
    pub async fn set_state(
        &self,
        id: &str,
        state: State,
        reason: Option<&str>,
        since: i64,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE desktops SET state = ?, reason = ?, since = ? WHERE id = ?")
            .bind(state.as_str())
            .bind(reason)
            .bind(since)
            .bind(id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Records which process group is the machine's.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_pid(&self, id: &str, pid: Option<u32>) -> sqlx::Result<()> {
        sqlx::query("UPDATE desktops SET pid = ? WHERE id = ?").bind(pid).bind(id).execute(&self.db).await?;
        Ok(())
    }

    /// Forgets a desktop; its folder is the caller's to remove.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(&self, id: &str) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM desktops WHERE id = ?").bind(id).execute(&self.db).await?;
        Ok(())
    }
}

fn select(rest: &'static str) -> String {
    format!(
        "SELECT d.id, d.person_id, persons.name AS person_name, d.state, d.reason, d.since, d.pid, {}
         FROM desktops d JOIN persons ON persons.id = d.person_id JOIN pools p ON p.id = d.pool_id
         LEFT JOIN entitlements e ON e.pool_id = d.pool_id AND e.person_id = d.person_id {rest}",
        Pool::COLUMNS
    )
}
