//! People and their roles.

use crate::error::AuthError;
use crate::secret::random_id;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};

/// What a person may do beyond their own desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything an administrator does.
    Admin,
    /// Nothing beyond.
    Person,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Person => "person",
        }
    }
}

/// Someone who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Never changes.
    pub id: String,
    /// What is typed at login.
    pub name: String,
    /// What people are shown.
    pub display_name: String,
    /// Role.
    pub role: Role,
}

impl FromRow<'_, SqliteRow> for Person {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let role: &str = row.try_get("role")?;
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            display_name: row.try_get("display_name")?,
            role: if role == "admin" { Role::Admin } else { Role::Person },
        })
    }
}

/// The table of people.
#[derive(Clone)]
pub struct Persons {
    db: SqlitePool,
}

impl Persons {
    /// Over the given database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Adds someone with a hash from [`crate::PasswordHasher::hash`].
    ///
    /// # Errors
    /// The name breaks a rule or is taken.
    pub async fn add(
        &self,
        name: &str,
        role: Role,
        password_hash: &str,
        now: i64,
    ) -> Result<Person, AuthError> {
        let shown = name.to_owned();
        let name = name.to_lowercase();
        check_name(&name)?;
        let person = Person { id: random_id()?, name, display_name: shown, role };
        let result = sqlx::query(
            "INSERT INTO persons (id, name, display_name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&person.id)
        .bind(&person.name)
        .bind(&person.display_name)
        .bind(role.as_str())
        .bind(password_hash)
        .bind(now)
        .execute(&self.db)
        .await;
        match result {
            Ok(_) => Ok(person),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(AuthError::NameTaken(person.name))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everyone, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<Person>, AuthError> {
        Ok(sqlx::query_as("SELECT id, name, display_name, role FROM persons ORDER BY name")
            .fetch_all(&self.db)
            .await?)
    }

    /// The person of that name, in whatever case it was typed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn by_name(&self, name: &str) -> Result<Option<Person>, AuthError> {
        Ok(sqlx::query_as("SELECT id, name, display_name, role FROM persons WHERE name = ?")
            .bind(name.to_lowercase())
            .fetch_optional(&self.db)
            .await?)
    }

    /// The person and their password hash.
    pub(crate) async fn with_hash(&self, name: &str) -> Result<Option<(Person, String)>, AuthError> {
        let row =
            sqlx::query("SELECT id, name, display_name, role, password_hash FROM persons WHERE name = ?")
                .bind(name)
                .fetch_optional(&self.db)
                .await?;
        Ok(row
            .map(|row| Ok::<_, sqlx::Error>((Person::from_row(&row)?, row.try_get("password_hash")?)))
            .transpose()?)
    }

    /// Replaces the password hash. Sessions stay: ending them is the caller's decision.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_password_hash(&self, person_id: &str, hash: &str) -> Result<(), AuthError> {
        sqlx::query("UPDATE persons SET password_hash = ? WHERE id = ?")
            .bind(hash)
            .bind(person_id)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Removes someone, and with them their sessions.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(&self, person_id: &str) -> Result<(), AuthError> {
        sqlx::query("DELETE FROM persons WHERE id = ?").bind(person_id).execute(&self.db).await?;
        Ok(())
    }
}

/// Names appear in host names, logs and addresses, so they are plain.
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
    async fn a_person_is_found_in_any_case_and_added_once() {
        let persons = Persons::new(database().await);
        let ada = persons.add("Ada", Role::Admin, "hash", 1).await.unwrap();
        assert_eq!((ada.name.as_str(), ada.display_name.as_str()), ("ada", "Ada"));
        assert_eq!(persons.by_name("ADA").await.unwrap(), Some(ada));
        let again = persons.add("aDa", Role::Person, "hash", 1).await;
        assert!(matches!(again, Err(AuthError::NameTaken(name)) if name == "ada"));
    }

    #[tokio::test]
    async fn names_that_would_confuse_are_refused() {
        let persons = Persons::new(database().await);
        for name in ["", "-ada", "a b", "a/b", "ä", "a\n", &"a".repeat(33), ".."] {
            let answer = persons.add(name, Role::Person, "hash", 1).await;
            assert!(matches!(answer, Err(AuthError::BadName(_))), "{name:?}");
        }
    }
}
