//! passt(1): user-mode networking through the host's own connections, by an unprivileged process.

mod backend;
mod program;
mod reconnect;
#[cfg(any(test, feature = "test-driver"))]
mod unjailed;

pub use backend::Passt;
pub use program::{Program, installed_passt};
#[cfg(any(test, feature = "test-driver"))]
pub use unjailed::UnjailedPasst;
