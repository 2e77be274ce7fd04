//! Table of pools, and of the users entitled to them.

use super::name::{NAME_RULE, PoolName};
use super::pool::{Pool, PoolSettings};
use sqlx::AssertSqlSafe;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqlitePool};

/// Error of an operation on pools, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// A setting or a name breaks a rule, which is the text.
    #[error("{0}")]
    Rule(&'static str),
    /// Another pool has the name.
    #[error("There is already a pool {0}; choose another name.")]
    Taken(String),
    /// No pool has the name.
    #[error("There is no pool {0}; `oriel pool list` shows all pools.")]
    Missing(String),
    /// The database failed or could not be reached.
    #[error("The database failed: {0}.")]
    Database(#[from] sqlx::Error),
}

/// Columns that [`bind`] fills, in the order of its values.
const SET: [&str; 18] = [
    "image",
    "cpus",
    "memory_mib",
    "machine",
    "video_only",
    "network",
    "egress",
    "disk_mib_s",
    "disk_iops",
    "network_mbit_s",
    "cpu_limit_percent",
    "memory_overhead_mib",
    "sound",
    "agents",
    "screens",
    "clipboard",
    "files",
    "require_jail",
];

/// Binds the settings of a pool to a query.
fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    settings: &PoolSettings,
) -> Query<'q, Sqlite, SqliteArguments> {
    query
        .bind(settings.image.clone())
        .bind(settings.cpus)
        .bind(settings.memory_mib)
        .bind(settings.machine.as_str())
        .bind(settings.video_only)
        .bind(settings.network.to_string())
        .bind(settings.egress.to_string())
        .bind(settings.disk_mib_s)
        .bind(settings.disk_iops)
        .bind(settings.network_mbit_s)
        .bind(settings.cpu_limit_percent)
        .bind(settings.memory_overhead_mib)
        .bind(settings.sound)
        .bind(settings.agents)
        .bind(settings.screens)
        .bind(settings.redirection.clipboard.as_str())
        .bind(settings.redirection.files.as_str())
        .bind(settings.require_jail)
}

/// Table of pools and of entitlements in the database.
#[derive(Clone)]
pub struct Pools {
    db: SqlitePool,
}

impl Pools {
    /// Makes a handle of the table in a database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Adds a pool with a new name, at the time `now` in seconds since 1970 UTC.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn add(&self, name: &str, settings: &PoolSettings, now: i64) -> Result<(), PoolError> {
        let name: PoolName = name.parse().map_err(|_| PoolError::Rule(NAME_RULE))?;
        settings.check().map_err(PoolError::Rule)?;
        let sql = format!(
            "INSERT INTO pools ({}, id, name, created_at) VALUES ({}, lower(hex(randomblob(16))), ?, ?)",
            SET.join(", "),
            SET.map(|_| "?").join(", ")
        );
        match bind(sqlx::query(AssertSqlSafe(sql)), settings)
            .bind(name.as_str())
            .bind(now)
            .execute(&self.db)
            .await
        {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(PoolError::Taken(name.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the settings of a pool.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn set(&self, name: &str, settings: &PoolSettings) -> Result<(), PoolError> {
        settings.check().map_err(PoolError::Rule)?;
        let sql = format!(
            "UPDATE pools SET {} WHERE name = ?",
            SET.map(|column| format!("{column} = ?")).join(", ")
        );
        let done = bind(sqlx::query(AssertSqlSafe(sql)), settings).bind(name).execute(&self.db).await?;
        if done.rows_affected() == 0 {
            return Err(PoolError::Missing(name.to_owned()));
        }
        Ok(())
    }

    /// Returns the pool with the name.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn get(&self, name: &str) -> Result<Pool, PoolError> {
        let sql = format!("SELECT {} FROM pools p WHERE p.name = ?", Pool::COLUMNS);
        let found = sqlx::query_as(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.db).await?;
        found.ok_or_else(|| PoolError::Missing(name.to_owned()))
    }

    /// Lists pools by name, each with the names of the entitled users.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<(Pool, Vec<String>)>, PoolError> {
        let sql = format!("SELECT {} FROM pools p ORDER BY p.name", Pool::COLUMNS);
        let pools: Vec<Pool> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.db).await?;
        let mut listed = Vec::with_capacity(pools.len());
        for pool in pools {
            let users = self.entitled(&pool.id).await?;
            listed.push((pool, users));
        }
        Ok(listed)
    }

    /// Lists the names of the users who are entitled to the pool with the identifier `pool_id`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn entitled(&self, pool_id: &str) -> Result<Vec<String>, PoolError> {
        let users = sqlx::query_scalar(
            "SELECT users.name FROM entitlements e JOIN users ON users.id = e.user_id
             WHERE e.pool_id = ? AND users.deleted_at IS NULL ORDER BY users.name",
        );
        Ok(users.bind(pool_id).fetch_all(&self.db).await?)
    }

    /// Entitles a user to a desktop of a pool; a repeated call succeeds.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn entitle(&self, pool: &str, user_id: &str) -> Result<(), PoolError> {
        let done = sqlx::query(
            "INSERT INTO entitlements (pool_id, user_id) SELECT id, ? FROM pools WHERE name = ?
             ON CONFLICT DO NOTHING",
        )
        .bind(user_id)
        .bind(pool)
        .execute(&self.db)
        .await?;
        if done.rows_affected() == 0 && !self.exists(pool).await? {
            return Err(PoolError::Missing(pool.to_owned()));
        }
        Ok(())
    }

    /// Withdraws a user's entitlement to a pool, and returns whether the user had it. The desktop and its disk
    /// stay.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn withdraw(&self, pool: &str, user_id: &str) -> Result<bool, PoolError> {
        if !self.exists(pool).await? {
            return Err(PoolError::Missing(pool.to_owned()));
        }
        let done = sqlx::query(
            "DELETE FROM entitlements WHERE user_id = ? AND pool_id = (SELECT id FROM pools WHERE name = ?)",
        )
        .bind(user_id)
        .bind(pool)
        .execute(&self.db)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Returns whether a pool with the name exists.
    ///
    /// # Errors
    /// The database failed.
    pub async fn exists(&self, pool: &str) -> Result<bool, PoolError> {
        let found: Option<String> = sqlx::query_scalar("SELECT id FROM pools WHERE name = ?")
            .bind(pool)
            .fetch_optional(&self.db)
            .await?;
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RedirectionPolicy, TransferPolicy};
    use super::*;
    use crate::state::{StateDir, open_database};

    #[tokio::test]
    async fn everything_that_is_set_is_found_again_and_can_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_database(&StateDir::open(dir.path()).unwrap()).await.unwrap();
        let pools = Pools::new(db);
        let plain = PoolSettings::new("debian".into());
        pools.add("plain", &plain, 0).await.unwrap();
        assert_eq!(pools.get("plain").await.unwrap().settings, plain);
        let all = PoolSettings {
            image: "other".into(),
            cpus: 3,
            memory_mib: 640,
            machine: super::super::MachineSetting::Qemu,
            video_only: true,
            network: "tap:desk*".parse().unwrap(),
            egress: "host/udp/53 any/tcp/443".parse().unwrap(),
            disk_mib_s: Some(1),
            disk_iops: Some(2),
            network_mbit_s: Some(3),
            cpu_limit_percent: Some(4),
            memory_overhead_mib: Some(50),
            sound: false,
            agents: false,
            screens: 1,
            redirection: RedirectionPolicy {
                clipboard: TransferPolicy::ToDesktop,
                files: TransferPolicy::Off,
            },
            require_jail: true,
        };
        pools.set("plain", &all).await.unwrap();
        assert_eq!(pools.get("plain").await.unwrap().settings, all);
        assert!(matches!(pools.set("none", &all).await, Err(PoolError::Missing(_))));
        assert!(matches!(pools.add("plain", &plain, 0).await, Err(PoolError::Taken(_))));
        for wrong in [
            PoolSettings { cpus: 0, ..plain.clone() },
            PoolSettings { memory_mib: 63, ..plain.clone() },
            PoolSettings { screens: 5, ..plain.clone() },
            PoolSettings { disk_iops: Some(0), ..plain.clone() },
            PoolSettings { cpu_limit_percent: Some(101), ..plain.clone() },
            PoolSettings { memory_overhead_mib: Some(1), ..plain.clone() },
        ] {
            assert!(matches!(pools.set("plain", &wrong).await, Err(PoolError::Rule(_))), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_name_in_the_database_that_no_command_would_have_written_is_refused_with_its_row() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_database(&StateDir::open(dir.path()).unwrap()).await.unwrap();
        let pools = Pools::new(db.clone());
        pools.add("plain", &PoolSettings::new("debian".into()), 0).await.unwrap();
        let id = pools.get("plain").await.unwrap().id;
        for (column, value, after) in [
            ("name", "x\"; add rule netdev oriel", "plain"),
            ("image", "../../etc", "debian"),
            ("machine", "anything", "auto"),
        ] {
            let set = format!("UPDATE pools SET {column} = ?");
            sqlx::query(AssertSqlSafe(set.clone())).bind(value).execute(&db).await.unwrap();
            let error = pools.list().await.unwrap_err().to_string();
            assert!(error.contains(&id) && error.contains(value), "{column}: {error}");
            sqlx::query(AssertSqlSafe(set)).bind(after).execute(&db).await.unwrap();
            pools.list().await.unwrap();
        }
    }
}
