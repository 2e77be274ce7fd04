//! Interface between the server and `oriel-vmm`: machine configuration, messages of the control
//! socket, facts of the host from `oriel-vmm probe`, and the client of the control socket.
//!
//! A connection begins with a handshake of one JSON line per side, [`Open`] and [`Opened`]. A
//! control connection then carries [`Request`], [`Reply`] and [`Event`] lines; a viewer connection
//! carries the messages of `docs/protocol.md`. `docs/control-api.md` describes every message.
//! Features: `client` (client on tokio), `client-blocking` (client on blocking sockets).

#[cfg(feature = "client-blocking")]
pub mod client;
pub mod codec;
pub mod config;
pub mod control;
pub mod egress;
pub mod exit_report;
pub mod guest_facts;
pub mod host;
pub mod jail;
pub mod log_limit;
pub mod name_servers;
pub mod public_addresses;
pub mod sentence;
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
pub use name_servers::name_servers;
pub use sentence::sentence;
pub use version::{CONFIG_VERSION, CONTROL_VERSION, VersionRange};
