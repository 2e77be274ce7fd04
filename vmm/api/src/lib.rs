//! What the server and `oriel-vmm` say to each other: the machine's configuration, the control
//! messages on its Unix socket, and the facts of the host that `oriel-vmm probe` finds.
//!
//! A connection to the socket opens with one line of JSON, an [`Open`], answered by one line, an
//! [`Opened`]: the handshake, in which both ends agree on a version. A control connection then
//! carries [`Request`]s and [`Reply`]s, a line each, in order; after [`Command::Watch`] every
//! [`Event`] follows as a line of its own. A viewer connection carries the messages of
//! `docs/protocol.md`, each behind its `u32` little-endian length.
//!
//! `docs/control-api.md` describes the messages one by one, and what a version may change. The
//! feature `client` has the client of the socket for tokio, `client-blocking` the one without.

#[cfg(feature = "client-blocking")]
pub mod client;
pub mod codec;
pub mod config;
pub mod control;
pub mod exit_report;
pub mod guest_facts;
pub mod host;
pub mod jail;
#[cfg(feature = "test-support")]
pub mod test_support;
pub mod version;

pub use config::{
    Accel, Boot, Disk, DiskFormat, HugePages, Layer, Link, MachineConfig, MachineKind, Network, RateLimit,
};
pub use control::{
    Command, ConnectedAgents, Description, Event, Open, Opened, Outcome, PauseReason, Purpose, Reply,
    Request, RunState, ViewerMode,
};
pub use exit_report::{ExitReason, ExitReport};
pub use guest_facts::{GuestFacts, GuestFileSystem, GuestInterface};
pub use host::{HostFacts, KvmFinding};
pub use jail::{Jail, JailPart, PartReport};
pub use version::{CONFIG_VERSION, CONTROL_VERSION, VersionRange};
