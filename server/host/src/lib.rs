//! One host's desktops: machines, disks, images, networks, control groups and processes.
//!
//! The control plane uses a host through [`HostClient`] alone. [`LocalHost`] is the host in the control
//! plane's own process; a host on another computer would be one more implementation of the trait.
//!
//! | module | contents |
//! |---|---|
//! | [`client`] | the trait [`HostClient`], and the values that its methods take and return |
//! | [`hold`] | [`Hold`]: the desktop, the disk and the epoch that a command names |
//! | [`spec`] | [`DesktopSpec`]: a desktop as the control plane resolved it |
//! | [`status`] | states of a desktop, and the updates that report changes |
//! | [`error`] | [`DesktopError`]: why a host refused or failed a command |
//! | [`local`] | [`LocalHost`]: the desktops of this computer, and what the desktops share |
//! | `desktop` | one desktop: its actor, record, machine process and control connection |
//! | [`admission`] | whether a desktop fits this host now, and which machine runs the desktop |
//! | [`schedule`] | control groups and processor weights |
//! | [`images`] | the content-addressed image store |
//! | [`network`] | TAP interfaces, egress rules and nftables |
//! | [`shut_down`] | shutdown of all desktops before the host goes down |
//! | `boot_id` | boot of the host, which tells why a machine is gone |
//! | [`folder`] | paths of a host's files, durable writes and file locks |
//!
//! # Order of events
//! Each desktop has one writer, its actor. The actor records each change of state in `desktop.json` in the
//! desktop's folder, replaced atomically and synchronised to the disk, before it acts on the change. It then
//! publishes an update with the next number of the host's sequence. A host that starts reads these records
//! and adopts the machines that still run.
//!
//! # Dependencies that this crate must not have
//! Users, pools, entitlements, HTTP and SQL belong to the control plane. A test on the crate graph checks
//! this.

pub mod admission;
mod boot_id;
pub mod client;
mod context;
mod desktop;
pub mod error;
pub mod folder;
pub mod hold;
pub mod images;
pub mod local;
pub mod network;
pub mod schedule;
pub mod shut_down;
pub mod spec;
pub mod status;
mod updates;

pub use client::{HostClient, Updates, ViewerReader, ViewerStream, ViewerWriter};
pub use error::DesktopError;
pub use hold::{DesktopId, DiskId, Epoch, Hold};
pub use local::{HostSettings, LocalHost};
pub use spec::DesktopSpec;
pub use status::{DesktopUpdate, Sequence, State, Status};

/// Returns the current time in seconds since 1970 UTC; 0 if the clock is set before that.
fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
