//! What people are given and how they like it.

mod pool;
mod pools;
mod settings;
mod sharing;

pub use pool::{MachineSetting, Pool, PoolSettings};
pub use pools::{PoolError, Pools};
pub use settings::{Settings, SettingsTable, Theme};
pub use sharing::{Sharing, Ways};
