//! Networks of desktops: backends of their interfaces, and filters of what the desktops may send.
//!
//! `setting` has the backends, `nftables` the egress rules of TAP interfaces for nft(8), `tap` the interfaces of
//! this host. The devices, passt and its filter belong to the machine; the rules are `oriel_vmm_api::egress`.

mod nftables;
mod setting;
mod tap;

pub use nftables::{FilteredInterface, apply, render, render_removal};
pub use oriel_vmm_api::egress::{Destination, EgressRules, Ports, Protocol, Rule};
pub use oriel_vmm_api::name_servers;
pub use setting::{NetworkSetting, sentences};
pub use tap::{TapInterface, choose_tap, matching, tap_interfaces};
