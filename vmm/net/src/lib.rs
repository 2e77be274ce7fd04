//! Where a desktop's network interfaces lead.
//!
//! - [`Passt`] carries frames to a passt process, which makes ordinary connections of them with no
//!   rights at all. When the process dies, the link goes down, and comes back with a new one.
//! - [`Tap`] carries them to an interface of the host that the administrator made.
//! - [`Relay`] carries them between one of these and a QEMU.
//! - [`Cable`] is all of it, from a configuration.

mod connector;
mod mac;
mod passt;
mod plug;
mod poll;
mod relay;
mod stream;
mod tap;

pub use connector::Connector;
pub use mac::{BadMac, MacAddress};
#[cfg(any(test, feature = "test-driver"))]
pub use passt::Unjailed;
pub use passt::{Passt, Program as PasstProgram, installed_passt};
pub use plug::{Cable, PlugError, limit, open_link};
pub use relay::Relay;
pub use tap::{OpenTap, Tap, TapError, open_tap};
