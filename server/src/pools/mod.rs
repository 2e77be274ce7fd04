//! Pools: what desktops of a kind have in common, who is entitled to them, and what they may exchange with the
//! computers that show them.

mod pool;
mod redirection;
mod table;

pub use pool::{MachineSetting, Pool, PoolSettings};
pub use redirection::{RedirectionPolicy, TransferPolicy};
pub use table::{PoolError, Pools};
