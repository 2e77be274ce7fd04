//! TAP interfaces of the host.

mod backend;
mod ioctl;
mod open;

pub use backend::Tap;
pub use open::{OpenTap, TapError, open_tap};
