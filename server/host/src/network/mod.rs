//! Networks of desktops: backends of their interfaces, and filters of what the desktops may send.
//!
//! `setting` has the backends, `egress` the rules for TAP interfaces, `nftables` their translation for
//! nft(8), `tap` the interfaces of this host. The devices and passt themselves belong to the machine.

mod egress;
mod nftables;
mod setting;
mod tap;

pub use egress::{Destination, EgressRules, Ports, Protocol, Rule};
pub use nftables::{FilteredInterface, apply, render, render_removal};
pub use setting::{NetworkSetting, sentences};
pub use tap::{TapInterface, choose_tap, matching, tap_interfaces};
