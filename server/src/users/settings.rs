//! Settings of a user, and their table.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqlitePool;

/// Colour theme of the web client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Theme of the user's operating system or browser.
    System,
    /// Light theme, whatever the operating system's.
    Light,
    /// Dark theme, whatever the operating system's.
    Dark,
}

/// Settings of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Colour theme of the web client.
    pub theme: Theme,
    /// XKB layout of the guest's keyboard, such as `de`.
    pub layout: String,
    /// XKB variant of the keyboard layout; empty for the plain layout.
    pub layout_variant: String,
    /// Sends the whole picture as H.264; `None` takes the pool's setting.
    pub video_only: Option<bool>,
    /// Shows performance figures on top of the picture.
    pub overlay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            layout: "us".into(),
            layout_variant: String::new(),
            video_only: None,
            overlay: false,
        }
    }
}

impl Settings {
    /// Checks that the keyboard's names are valid in XKB: they go on a kernel command line.
    ///
    /// # Errors
    /// One sentence that names the wrong setting.
    pub fn check(&self) -> Result<(), &'static str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let name = |text: &str| text.len() <= 32 && text.chars().all(plain);
        if self.layout.is_empty() || !name(&self.layout) {
            return Err("The keyboard layout is no XKB name such as us or de.");
        }
        if !name(&self.layout_variant) {
            return Err("The keyboard variant is no XKB name such as nodeadkeys.");
        }
        Ok(())
    }
}

/// Table of users' settings in the database.
#[derive(Clone)]
pub struct SettingsTable {
    db: SqlitePool,
}

impl SettingsTable {
    /// Makes a handle of the table in a database.
    pub fn new(db: SqlitePool) -> Self {
        Self { db }
    }

    /// Returns a user's settings; the defaults if none are stored.
    ///
    /// # Errors
    /// The database failed.
    pub async fn get(&self, user_id: &str) -> sqlx::Result<Settings> {
        let row = sqlx::query(
            "SELECT theme, layout, layout_variant, video_only, overlay FROM settings WHERE user_id = ?",
        )
        .bind(user_id)
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(Settings::default()) };
        let theme: &str = row.try_get("theme")?;
        Ok(Settings {
            theme: match theme {
                "light" => Theme::Light,
                "dark" => Theme::Dark,
                _ => Theme::System,
            },
            layout: row.try_get("layout")?,
            layout_variant: row.try_get("layout_variant")?,
            video_only: row.try_get("video_only")?,
            overlay: row.try_get("overlay")?,
        })
    }

    /// Stores the settings of a user.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put(&self, user_id: &str, settings: &Settings) -> sqlx::Result<()> {
        let theme = match settings.theme {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        sqlx::query(
            "INSERT OR REPLACE INTO settings (user_id, theme, layout, layout_variant, video_only, overlay)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(user_id)
        .bind(theme)
        .bind(&settings.layout)
        .bind(&settings.layout_variant)
        .bind(settings.video_only)
        .bind(settings.overlay)
        .execute(&self.db)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_that_would_leave_their_word_are_refused() {
        for (layout, variant) in
            [("", ""), ("de init=/bin/sh", ""), ("de", "a b"), ("d\ne", ""), ("de", "\"")]
        {
            let settings =
                Settings { layout: layout.into(), layout_variant: variant.into(), ..Settings::default() };
            assert!(settings.check().is_err(), "{layout:?} {variant:?}");
        }
        let settings =
            Settings { layout: "de".into(), layout_variant: "nodeadkeys".into(), ..Settings::default() };
        assert!(settings.check().is_ok());
    }
}
