//! SQLite database of the server, with one numbering of migrations over all crates that have tables.

use super::StateDir;
use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// First bytes of an SQLite database (<https://sqlite.org/fileformat.html>, section 1.3).
const SIGNATURE: &[u8] = b"SQLite format 3\0";
/// Time for which a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the database of a state folder and applies missing migrations. The server and the command line may
/// do so at the same time: the database is in WAL mode, and a writer waits up to 10 s for another. A commit
/// is synchronised to the disk.
///
/// # Errors
/// One sentence that says what to do.
pub async fn open_database(state: &StateDir) -> Result<SqlitePool, String> {
    let path = state.database();
    check_file(&path).await?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A state change must be on the disk before it is acted upon.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.map_err(|error| {
        format!(
            "The database {} cannot be opened ({error}); check that its folder is writable and the disk has room.",
            path.display()
        )
    })?;
    migrator().run(&pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => format!(
            "The state folder {} belongs to a newer version of Oriel (its database has migration {version}, which this \
             version does not know); install that version, or restore a backup made before the upgrade.",
            state.root().display()
        ),
        error => format!(
            "The database {} cannot be brought up to date ({error}); restore a backup of the state folder, or report it.",
            path.display()
        ),
    })?;
    Ok(pool)
}

/// Checks that a file, if there is one, is a database of Oriel. Nothing is written to it.
///
/// # Errors
/// One sentence: the file is no SQLite database, belongs to another program, or cannot be read.
async fn check_file(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let unreadable = |error: &dyn std::fmt::Display| {
        format!(
            "The database {shown} cannot be opened ({error}); check that its folder is writable and the disk has room."
        )
    };
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(SIGNATURE.len() as u64).read_to_end(&mut head)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&error)),
        // SQLite takes an empty file for a new database.
        Ok(0) => return Ok(()),
        Ok(_) if head != SIGNATURE => {
            return Err(format!(
                "{shown} is no SQLite database; move it away, or restore a backup of the state folder."
            ));
        }
        Ok(_) => {}
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(PATIENCE);
    let mut database = SqliteConnection::connect_with(&options).await.map_err(|error| unreadable(&error))?;
    let is_ours = is_ours(&mut database).await.map_err(|error| unreadable(&error))?;
    database.close().await.map_err(|error| unreadable(&error))?;
    if is_ours {
        return Ok(());
    }
    Err(format!(
        "The database {shown} belongs to another program; give Oriel a folder of its own by `state_dir` or --state-dir."
    ))
}

/// Returns whether a database is empty or has the first migration of Oriel.
async fn is_ours(database: &mut SqliteConnection) -> sqlx::Result<bool> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
    )
    .fetch_all(&mut *database)
    .await?;
    if !tables.iter().any(|table| table == "_sqlx_migrations") {
        return Ok(tables.is_empty());
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(database)
            .await?;
    let migrator = migrator();
    let first = migrator.iter().min_by_key(|migration| migration.version);
    Ok(match (applied.first(), first) {
        // The very first migration has not been committed.
        (None, _) => tables.len() == 1,
        (Some((version, checksum)), Some(first)) => {
            *version == first.version && checksum.as_slice() == first.checksum.as_ref()
        }
        (Some(_), None) => false,
    })
}

/// Returns the migrations of this crate and of `oriel-auth`.
fn migrator() -> Migrator {
    let mut all = oriel_auth::migrations();
    all.extend(sqlx::migrate!("./migrations").iter().cloned());
    Migrator::with_migrations(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn migrations_of_all_crates_are_numbered_apart() {
        let migrator = migrator();
        let versions: BTreeSet<_> = migrator.iter().map(|migration| migration.version).collect();
        assert_eq!(versions.len(), migrator.iter().count());
    }

    #[tokio::test]
    async fn a_second_process_may_open_it_too() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let one = open_database(&state).await.unwrap();
        let two = open_database(&state).await.unwrap();
        oriel_auth::Users::new(one).add("ada", oriel_auth::Role::User, "hash", 0).await.unwrap();
        assert_eq!(oriel_auth::Users::new(two).list().await.unwrap().len(), 1);
    }

    /// Opens the database of a state folder in which the file has the given bytes; returns the error.
    async fn refusal(state: &StateDir) -> String {
        let before = std::fs::read(state.database()).unwrap();
        let text = open_database(state).await.unwrap_err();
        assert!(std::fs::read(state.database()).unwrap() == before, "the file was changed");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_left_alone_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        std::fs::write(state.database(), "users:\n  - ada\n".repeat(100)).unwrap();
        assert!(refusal(&state).await.contains("is no SQLite database"));
    }

    #[tokio::test]
    async fn a_database_of_another_program_is_left_alone_and_told() {
        for statements in [
            &["CREATE TABLE moz_places (id INTEGER PRIMARY KEY)"][..],
            // Another program that keeps its migrations as Oriel does.
            &[
                "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                 installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
                 checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
                "INSERT INTO _sqlx_migrations VALUES (20240101000000, 'posts', 0, TRUE, x'00', 1)",
            ],
        ] {
            let dir = tempfile::tempdir().unwrap();
            let state = StateDir::open(dir.path()).unwrap();
            let options = SqliteConnectOptions::new().filename(state.database()).create_if_missing(true);
            let other = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
            for statement in statements {
                sqlx::query(*statement).execute(&other).await.unwrap();
            }
            other.close().await;
            let text = refusal(&state).await;
            assert!(text.contains("belongs to another program"), "{text}");
        }
    }
}
