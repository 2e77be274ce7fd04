//! What people are given and how they like it.

mod pools;
mod settings;

pub use pools::{MachineSetting, NewPool, Pool, PoolError, Pools};
pub use settings::{Settings, SettingsTable, Theme};
