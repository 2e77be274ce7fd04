//! TAP interfaces of the host, as backends of network interfaces.

mod backend;
mod ioctl;
mod open;

pub use backend::Tap;
pub use open::{OpenTap, TapError, open_tap};
