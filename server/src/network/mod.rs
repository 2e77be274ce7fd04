//! Networks of desktops: where a pool's desktops are connected, and what they can reach from there.
//!
//! [`setting`] is what a pool is set to, [`reach`] the rules for TAP interfaces and their sentences,
//! [`nftables`] the rules as nft(8) takes them, [`tap`] the interfaces of this host.

mod nftables;
mod reach;
mod setting;
mod tap;

pub use nftables::{Filtered, apply, render, render_removal};
pub use reach::{Destination, Ports, Protocol, Reach, Rule};
pub use setting::{NetworkSetting, sentences};
pub use tap::{TapInterface, choose_tap, matching, tap_interfaces};
