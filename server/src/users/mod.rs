//! Settings of users. The users themselves, their passwords and sessions belong to `oriel-auth`.

mod settings;

pub use settings::{Settings, SettingsTable, Theme};
