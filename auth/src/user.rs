//! Users and their roles, and the table of users with their password hashes.

use crate::error::AuthError;
use crate::secret::random_id;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};

/// Role of a user: rights beyond the use of the user's own desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Administrator, who may see all pools, the host and the metrics.
    Admin,
    /// User without rights of administration.
    User,
}

impl Role {
    /// Returns the role's name in the database.
    fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// Person with a login, as recorded in the table of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Random identifier of the user; never changes.
    pub id: String,
    /// Login name in lower case.
    pub name: String,
    /// Name of the user for display, as the administrator typed it.
    pub display_name: String,
    /// Role of the user.
    pub role: Role,
    /// Whether an administrator disabled the user, who then cannot log in.
    pub disabled: bool,
}

/// State of a user's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The user may log in.
    Enabled,
    /// An administrator disabled the user.
    Disabled,
    /// The user was removed.
    Removed,
}

impl FromRow<'_, SqliteRow> for User {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let role: &str = row.try_get("role")?;
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            display_name: row.try_get("display_name")?,
            role: if role == "admin" { Role::Admin } else { Role::User },
            disabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_some(),
        })
    }
}

/// Table of users in the database.
#[derive(Clone)]
pub struct Users {
    db: SqlitePool,
}

impl Users {
    /// Makes a handle of the table in a database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Adds a user with a hash from [`crate::PasswordHasher::hash`], at the time `now` in seconds since 1970
    /// UTC.
    ///
    /// # Errors
    /// [`AuthError::BadName`] or [`AuthError::NameTaken`], or the database failed.
    pub async fn add(
        &self,
        name: &str,
        role: Role,
        password_hash: &str,
        now: i64,
    ) -> Result<User, AuthError> {
        let shown = name.to_owned();
        let name = name.to_lowercase();
        check_name(&name)?;
        let user = User { id: random_id()?, name, display_name: shown, role, disabled: false };
        let result = sqlx::query(
            "INSERT INTO users (id, name, display_name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&user.id)
        .bind(&user.name)
        .bind(&user.display_name)
        .bind(role.as_str())
        .bind(password_hash)
        .bind(now)
        .execute(&self.db)
        .await;
        match result {
            Ok(_) => Ok(user),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(AuthError::NameTaken(user.name))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lists all users by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<User>, AuthError> {
        Ok(sqlx::query_as("SELECT id, name, display_name, role, disabled_at FROM users WHERE deleted_at IS NULL ORDER BY name")
            .fetch_all(&self.db)
            .await?)
    }

    /// Returns the user with a login name in any case; `None` if there is no such user.
    ///
    /// # Errors
    /// The database failed.
    pub async fn by_name(&self, name: &str) -> Result<Option<User>, AuthError> {
        Ok(sqlx::query_as("SELECT id, name, display_name, role, disabled_at FROM users WHERE name = ? AND deleted_at IS NULL")
            .bind(name.to_lowercase())
            .fetch_optional(&self.db)
            .await?)
    }

    /// Returns the user with a login name in lower case, and the user's password hash; `None` also for a user
    /// who is disabled.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn with_hash(&self, name: &str) -> Result<Option<(User, String)>, AuthError> {
        let row = sqlx::query(
            "SELECT id, name, display_name, role, disabled_at, password_hash FROM users
             WHERE name = ? AND disabled_at IS NULL AND deleted_at IS NULL",
        )
        .bind(name)
        .fetch_optional(&self.db)
        .await?;
        Ok(row
            .map(|row| Ok::<_, sqlx::Error>((User::from_row(&row)?, row.try_get("password_hash")?)))
            .transpose()?)
    }

    /// Replaces the password hash of a user. The user's sessions stay open; the caller may end them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_password_hash(&self, user_id: &str, hash: &str) -> Result<(), AuthError> {
        sqlx::query("UPDATE users SET password_hash = ? WHERE id = ?")
            .bind(hash)
            .bind(user_id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Disables a user from the time `since` in seconds since 1970 UTC, or enables the user for `None`. The
    /// sessions of a disabled user count as ended; the caller should end them too.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_disabled(&self, user_id: &str, since: Option<i64>) -> Result<(), AuthError> {
        sqlx::query("UPDATE users SET disabled_at = ? WHERE id = ?")
            .bind(since)
            .bind(user_id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Marks a user as removed at the time `now` in seconds since 1970 UTC, and frees the login name. The
    /// row stays until nothing refers to it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn mark_removed(&self, user_id: &str, now: i64) -> Result<(), AuthError> {
        // No login name begins with a tilde.
        sqlx::query("UPDATE users SET deleted_at = ?, name = '~' || id WHERE id = ?")
            .bind(now)
            .bind(user_id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Returns the state of a user's account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_state(&self, user_id: &str) -> Result<AccountState, AuthError> {
        let row = sqlx::query("SELECT disabled_at, deleted_at FROM users WHERE id = ?")
            .bind(user_id)
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(AccountState::Removed) };
        let set = |column| row.try_get::<Option<i64>, _>(column).map(|time| time.is_some());
        Ok(match (set("disabled_at")?, set("deleted_at")?) {
            (_, true) => AccountState::Removed,
            (true, false) => AccountState::Disabled,
            (false, false) => AccountState::Enabled,
        })
    }

    /// Removes a user, and with the user all sessions and all other rows that refer to the user with ON
    /// DELETE CASCADE.
    ///
    /// # Errors
    /// The database failed, for instance because another row still refers to the user.
    pub async fn remove(&self, user_id: &str) -> Result<(), AuthError> {
        sqlx::query("DELETE FROM users WHERE id = ?").bind(user_id).execute(&self.db).await?;
        Ok(())
    }
}

/// Checks a login name: names appear in host names, logs and URLs, so only plain characters are allowed.
///
/// # Errors
/// [`AuthError::BadName`].
fn check_name(name: &str) -> Result<(), AuthError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ok = (1..=32).contains(&name.len())
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'));
    if ok {
        return Ok(());
    }
    Err(AuthError::BadName(
        "A name has 1 to 32 letters (a to z), digits, dots, dashes or underscores and begins with a letter or digit.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::database;

    #[tokio::test]
    async fn a_user_is_found_in_any_case_and_added_once() {
        let users = Users::new(database().await);
        let ada = users.add("Ada", Role::Admin, "hash", 1).await.unwrap();
        assert_eq!((ada.name.as_str(), ada.display_name.as_str()), ("ada", "Ada"));
        assert_eq!(users.by_name("ADA").await.unwrap(), Some(ada));
        let again = users.add("aDa", Role::User, "hash", 1).await;
        assert!(matches!(again, Err(AuthError::NameTaken(name)) if name == "ada"));
    }

    #[tokio::test]
    async fn names_that_would_confuse_are_refused() {
        let users = Users::new(database().await);
        for name in ["", "-ada", "a b", "a/b", "ä", "a\n", &"a".repeat(33), ".."] {
            let answer = users.add(name, Role::User, "hash", 1).await;
            assert!(matches!(answer, Err(AuthError::BadName(_))), "{name:?}");
        }
    }
}
