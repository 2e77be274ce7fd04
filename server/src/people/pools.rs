//! Pools: an image and a size, given to people.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};

/// Which machine runs a pool's desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MachineSetting {
    /// The fastest that this host can.
    Auto,
    /// Oriel's own machine.
    Kvm,
    /// QEMU.
    Qemu,
}

impl MachineSetting {
    /// As it is stored and typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }

    fn from_stored(text: &str) -> Self {
        match text {
            "kvm" => Self::Kvm,
            "qemu" => Self::Qemu,
            _ => Self::Auto,
        }
    }
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Never changes.
    pub id: String,
    /// For people.
    pub name: String,
    /// The image's name.
    pub image: String,
    /// Virtual processors.
    pub cpus: u8,
    /// Guest memory.
    pub memory_mib: u32,
    /// Which machine.
    pub machine: MachineSetting,
    /// Everything as H.264, unless the person wants it otherwise.
    pub video_only: bool,
}

impl Pool {
    /// The columns of `pools p` that [`Pool::from_columns`] reads.
    pub(crate) const COLUMNS: &str =
        "p.id AS pool_id, p.name AS pool_name, p.image, p.cpus, p.memory_mib, p.machine, p.video_only";

    pub(crate) fn from_columns(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("pool_id")?,
            name: row.try_get("pool_name")?,
            image: row.try_get("image")?,
            cpus: row.try_get("cpus")?,
            memory_mib: row.try_get("memory_mib")?,
            machine: MachineSetting::from_stored(row.try_get("machine")?),
            video_only: row.try_get("video_only")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Pool {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Self::from_columns(row)
    }
}

/// What to make a pool of.
#[derive(Debug, Clone)]
pub struct NewPool {
    /// For people.
    pub name: String,
    /// The image's name.
    pub image: String,
    /// Virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory, at least 64.
    pub memory_mib: u32,
    /// Which machine.
    pub machine: MachineSetting,
    /// Everything as H.264.
    pub video_only: bool,
}

/// Why not; a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The rule that was broken.
    #[error("{0}")]
    Rule(&'static str),
    /// The name is taken.
    #[error("There is already a pool {0}; choose another name.")]
    Taken(String),
    /// No such pool.
    #[error("There is no pool {0}; `oriel pool list` shows those there are.")]
    Missing(String),
    /// The database failed.
    #[error("The database failed: {0}.")]
    Database(#[from] sqlx::Error),
}

/// The table of pools, and who is entitled to them.
#[derive(Clone)]
pub struct Pools {
    db: SqlitePool,
}

impl Pools {
    /// Over the given database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Adds one.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn add(&self, new: &NewPool, now: i64) -> Result<(), PoolError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let name_ok = (1..=32).contains(&new.name.len())
            && new.name.starts_with(|c: char| c.is_ascii_lowercase())
            && new.name.chars().all(plain);
        if !name_ok {
            return Err(PoolError::Rule(
                "A pool's name has 1 to 32 lower-case letters, digits and dashes and begins with a letter.",
            ));
        }
        if !(1..=64).contains(&new.cpus) {
            return Err(PoolError::Rule("A desktop has 1 to 64 processors; choose --cpus in that range."));
        }
        if !(64..=1024 * 1024).contains(&new.memory_mib) {
            return Err(PoolError::Rule(
                "A desktop has at least 64 MiB of memory and at most 1 TiB; choose --memory in that range.",
            ));
        }
        let result = sqlx::query(
            "INSERT INTO pools (id, name, image, cpus, memory_mib, machine, video_only, created_at)
             VALUES (lower(hex(randomblob(16))), ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&new.name)
        .bind(&new.image)
        .bind(new.cpus)
        .bind(new.memory_mib)
        .bind(new.machine.as_str())
        .bind(new.video_only)
        .bind(now)
        .execute(&self.db)
        .await;
        match result {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(PoolError::Taken(new.name.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All of them, each with the names of the people entitled.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<(Pool, Vec<String>)>, PoolError> {
        let pools: Vec<Pool> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {} FROM pools p ORDER BY p.name",
            Pool::COLUMNS
        )))
        .fetch_all(&self.db)
        .await?;
        let mut listed = Vec::with_capacity(pools.len());
        for pool in pools {
            let people = sqlx::query_scalar(
                "SELECT persons.name FROM entitlements e JOIN persons ON persons.id = e.person_id
                 WHERE e.pool_id = ? ORDER BY persons.name",
            )
            .bind(&pool.id)
            .fetch_all(&self.db)
            .await?;
            listed.push((pool, people));
        }
        Ok(listed)
    }

    /// Gives a pool to a person; giving it twice is no error.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn entitle(&self, pool: &str, person_id: &str) -> Result<(), PoolError> {
        let done = sqlx::query(
            "INSERT INTO entitlements (pool_id, person_id) SELECT id, ? FROM pools WHERE name = ?
             ON CONFLICT DO NOTHING",
        )
        .bind(person_id)
        .bind(pool)
        .execute(&self.db)
        .await?;
        if done.rows_affected() == 0 && !self.exists(pool).await? {
            return Err(PoolError::Missing(pool.to_owned()));
        }
        Ok(())
    }

    /// Whether there is a pool of that name.
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
