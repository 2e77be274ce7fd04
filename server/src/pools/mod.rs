//! Pools: settings that desktops share, users who are entitled to desktops, and redirection policies.
//!
//! A pool is resolved to a specification in [`crate::desktops`]; this module has only its settings and their
//! table.

mod name;
mod pool;
mod redirection;
mod table;

pub use name::PoolName;
pub use pool::{MachineSetting, Pool, PoolSettings};
pub use redirection::{RedirectionPolicy, TransferPolicy};
pub use table::{PoolError, Pools};
