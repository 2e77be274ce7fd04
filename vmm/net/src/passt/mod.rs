//! passt(1): the host's own connections, by a process without rights.

mod backend;
mod dial;
mod resolver;
mod spawner;

pub use backend::Passt;
pub use spawner::{Spawner, installed_passt};
