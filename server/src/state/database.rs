//! SQLite database of the server, with one numbering of migrations over all crates that have tables.

use super::StateDir;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::time::Duration;

/// Opens the database of a state folder and applies missing migrations. The server and the command line may
/// do so at the same time: the database is in WAL mode, and a writer waits up to 10 s for another. A commit
/// is synchronised to the disk.
///
/// # Errors
/// One sentence that says what to do.
pub async fn open_database(state: &StateDir) -> Result<SqlitePool, String> {
    let path = state.database();
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A state change must be on the disk before it is acted upon.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10));
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
