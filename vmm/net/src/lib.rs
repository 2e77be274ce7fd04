//! Backends of a desktop's network interfaces: what carries frames between the guest and a network.
//!
//! - [`Passt`] carries frames to a passt process, which makes ordinary connections of them with no
//!   rights at all. When the process dies, the link goes down, and comes back with a new one.
//! - [`Tap`] carries frames to a TAP interface of the host that the administrator made.
//! - [`Relay`] carries frames between a backend and a QEMU.
//! - [`NetBackendConfig`] is what a process needs to connect a backend, and opens nothing itself.
//!
//! The devices that hand frames over, and the machine around them, must not be known here.

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
