//! Users' own settings; who the users are is the affair of `oriel-auth`.

mod settings;

pub use settings::{Settings, SettingsTable, Theme};
