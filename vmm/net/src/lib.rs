//! Where a desktop's network interfaces lead.
//!
//! - [`Passt`] carries frames to a passt process, which makes ordinary connections of them with no
//!   rights at all. When the process dies, the link goes down, and comes back with a new one.
//! - [`Tap`] carries them to an interface of the host that the administrator made.
//! - [`Relay`] carries them between one of these and a QEMU.
//! - [`NetBackendConfig`] is all of it, from a configuration.

mod backend;
mod connector;
mod mac;
mod passt;
mod poll;
mod relay;
mod stream;
mod tap;

pub use backend::{NetBackendConfig, NetBackendError, open_net_backend, rate_limiter};
pub use connector::BackendConnector;
pub use mac::{MacAddress, MacParseError};
#[cfg(any(test, feature = "test-driver"))]
pub use passt::UnjailedPasst;
pub use passt::{Passt, Program as PasstProgram, installed_passt};
pub use relay::Relay;
pub use tap::{OpenTap, Tap, TapError, open_tap};
