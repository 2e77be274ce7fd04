//! Networks of desktops: where their interfaces lead, and what they may send to from there.
//!
//! `setting` is where an interface leads, `egress` the rules for TAP interfaces and their sentences, `nftables` the rules as
//! nft(8) takes them, `tap` the interfaces of this host.

mod egress;
mod nftables;
mod setting;
mod tap;

pub use egress::{Destination, EgressRules, Ports, Protocol, Rule};
pub use nftables::{FilteredInterface, apply, render, render_removal};
pub use setting::{NetworkSetting, sentences};
pub use tap::{TapInterface, choose_tap, matching, tap_interfaces};
