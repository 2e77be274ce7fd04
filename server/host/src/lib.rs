//! One host's desktops: their machines, disks, images, networks, control groups and processes.
//!
//! The control plane talks to a host through [`HostClient`] alone. [`LocalHost`] is the host in the same process; a host on
//! another machine would be one more implementation of the same trait.
//!
//! | module | holds |
//! |---|---|
//! | [`client`] | the [`HostClient`] trait, and the values that cross it |
//! | [`hold`] | which desktop, which disk, and under which claim: [`Hold`] |
//! | [`spec`] | a desktop as the control plane resolved it: [`DesktopSpec`] |
//! | [`status`] | the states of a desktop and the updates that tell of them |
//! | [`error`] | why a host does not follow an order |
//! | [`local`] | [`LocalHost`]: the desktops of this machine, and what they share |
//! | `desktop` | one desktop: the actor, its record, its disk, its machine's process and control socket |
//! | [`admission`] | whether a desktop fits this host now, and on which machine it runs |
//! | [`schedule`] | control groups and processor weights |
//! | [`images`] | the content-addressed image store |
//! | [`network`] | TAP interfaces, egress rules and nftables |
//! | [`folder`] | where files lie on this host, and locks on them |
//!
//! # Order of events
//! Each desktop has one writer, its actor. The actor records each change of state in the desktop's folder (`desktop.json`,
//! written whole and synchronised to the disk) before it acts on it, then publishes an update with the next number of the
//! host's sequence. A host that starts finds its desktops by these records and adopts the machines that still run.
//!
//! # What this crate must not know
//! Users, pools, entitlements, HTTP, SQL. A test on the crate graph holds it to that.

pub mod admission;
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
pub mod spec;
pub mod status;
mod updates;

pub use client::{HostClient, Updates, ViewerReader, ViewerStream, ViewerWriter};
pub use error::DesktopError;
pub use hold::{DesktopId, DiskId, Epoch, Hold};
pub use local::{HostSettings, LocalHost};
pub use spec::DesktopSpec;
pub use status::{DesktopUpdate, Sequence, State, Status};

/// Seconds since 1970 UTC.
fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
