//! What people are given and how they like it.

mod pool;
mod pools;
mod redirection;
mod settings;

pub use pool::{MachineSetting, Pool, PoolSettings};
pub use pools::{PoolError, Pools};
pub use redirection::{RedirectionPolicy, TransferPolicy};
pub use settings::{Settings, SettingsTable, Theme};
