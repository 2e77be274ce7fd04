//! Messages of a machine's control socket: handshake, requests, replies and events.
//!
//! Each message is one line of JSON, in the encoding of [`crate::codec`]. `docs/control-api.md`
//! shows the lines. This module has the types only: sockets are in [`crate::client`], and the
//! server's side in `oriel-vmm`.

use crate::config::{Accel, MachineKind};
use crate::exit_report::ExitReason;
use crate::guest_facts::GuestFacts;
use crate::jail::Jail;
use crate::version::VersionRange;
use serde::{Deserialize, Serialize};

/// First line of a connection, from the client: purpose of the connection and versions of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Versions of the control messages that the client supports. `None` in lines of clients older
    /// than the versions; the machine answers such a line with [`Opened::UnsupportedVersion`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionRange>,
    /// Purpose of the connection; its fields are part of the same JSON object.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// Purpose of a connection to the control socket (JSON field `open`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "open", rename_all = "lowercase")]
pub enum Purpose {
    /// Control connection: requests, replies and events as lines of JSON.
    Control,
    /// Viewer connection: pictures, sound and input as messages of `docs/protocol.md`.
    Viewer {
        /// Rights of the viewer.
        mode: ViewerMode,
    },
}

/// Rights of a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewerMode {
    /// Pictures and sound, and also input, clipboard and files.
    Interact,
    /// Pictures and sound only.
    Watch,
}

/// Second and last line of the handshake, from the machine: answer to [`Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// Acceptance of the connection.
    Accepted {
        /// Version of the connection: the newest that both ends support.
        version: u32,
    },
    /// Refusal because both ends have no version in common; the range is the machine's.
    UnsupportedVersion(VersionRange),
    /// Refusal for any other reason, such as too many connections.
    Refused {
        /// Reason in one sentence for users.
        text: String,
    },
}

/// Request line, from the client to the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Number that the client chose; the reply has the same number.
    pub id: u64,
    /// Command to execute; its fields are part of the same JSON object.
    #[serde(flatten)]
    pub command: Command,
}

/// Command of a [`Request`] (JSON field `do`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Queries the machine's [`Description`].
    Describe,
    /// Subscribes the connection to every later [`Event`].
    Watch,
    /// Starts an orderly shutdown of the guest through qemu-guest-agent. Without an agent, or when
    /// the agent refuses, presses the ACPI power button instead.
    ShutDown,
    /// Presses the ACPI power button; the guest decides whether and when it shuts down.
    PressPower,
    /// Resets the machine at once, without a shutdown of the guest.
    Reset,
    /// Powers the machine off at once, without a shutdown of the guest; the process exits.
    Stop,
    /// Stops the virtual processors.
    Pause,
    /// Continues the virtual processors after [`Command::Pause`] or a [`PauseReason`].
    Resume,
    /// Requests a layout of exactly these screens, side by side from left to right. The guest may
    /// adopt the layout later, or not at all.
    Resize {
        /// Width and height of each screen in pixels; at most [`crate::MachineConfig::screens`] entries.
        screens: Vec<(u32, u32)>,
    },
    /// Sets the target size of the guest's memory balloon (virtio 1.3, section 5.5). The guest
    /// follows as far as its free memory allows; the counter `balloon_mib` has the actual size.
    Balloon {
        /// Target size in MiB; 0 returns all memory to the guest.
        target_mib: u32,
    },
    /// Freezes the guest's file systems through qemu-guest-agent, so that a copy of the disks is
    /// consistent. The machine thaws them after 30 s if no [`Command::Thaw`] arrives.
    Freeze,
    /// Thaws the file systems that [`Command::Freeze`] froze.
    Thaw,
    /// Queries [`crate::GuestFacts`] from qemu-guest-agent.
    GuestFacts,
}

/// Reply line to a [`Request`], from the machine to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Number of the request.
    pub id: u64,
    /// Outcome of the request; its fields are part of the same JSON object.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Outcome of a request; every variant is a JSON field of the reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Success without a result. Effects in the guest, such as a shutdown, may follow later.
    Done,
    /// Result of [`Command::Describe`].
    Description(Box<Description>),
    /// Result of [`Command::Freeze`] and [`Command::Thaw`]: number of file systems.
    FileSystems(u64),
    /// Result of [`Command::GuestFacts`].
    GuestFacts(Box<GuestFacts>),
    /// Failure: the reason in one sentence for users.
    Error(String),
}

/// State of a machine's virtual processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The machine is being created; no guest code has run.
    Starting,
    /// The guest executes.
    Running,
    /// The virtual processors are stopped, on request or for a [`PauseReason`].
    Paused,
    /// The guest executes and has received a shutdown request.
    Stopping,
}

/// Reason of a pause that no client requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// A write of the guest found no space on the host. The machine resumes by itself when there
    /// is space; [`Command::Resume`] retries the write at once.
    DiskFull,
}

/// Description of a running machine: identity, state, size and counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Newest version of the control messages that the machine supports.
    pub version: u32,
    /// Identifier of the desktop, from the configuration.
    pub id: String,
    /// Process number of the supervisor, which leads the process group of the desktop.
    pub pid: u32,
    /// Monitor that runs the guest.
    pub machine: MachineKind,
    /// Accelerator that executes the guest's code.
    pub accel: Accel,
    /// Current state.
    pub state: RunState,
    /// Reason of the pause; `None` unless `state` is `Paused`, and for a pause on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<PauseReason>,
    /// Seconds since the start of the machine's process.
    pub uptime_s: u64,
    /// Number of virtual processors.
    pub cpus: u8,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// Width and height of the first screen in pixels; `None` while the guest shows nothing.
    pub screen: Option<(u32, u32)>,
    /// Number of connected viewers.
    pub viewers: u32,
    /// Agents of the guest that have opened their ports.
    #[serde(default)]
    pub agents: ConnectedAgents,
    /// Counters by name: dropped inputs, malformed descriptors, frames, bytes and others.
    pub counters: std::collections::BTreeMap<String, u64>,
    /// Report on the jail of the machine's process.
    #[serde(default)]
    pub jail: Jail,
}

/// Agents of the guest that are connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedAgents {
    /// Whether spice-vdagent is connected: clipboard, screen layout, files.
    pub desktop: bool,
    /// Whether qemu-guest-agent is connected: shutdown, freezing of file systems, facts.
    pub guest: bool,
}

/// Event line, from the machine to connections that sent [`Command::Watch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Change of the machine's state.
    State {
        /// New state.
        state: RunState,
        /// Reason of the pause; `None` unless `state` is `Paused`, and for a pause on request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<PauseReason>,
    },
    /// First picture of the first screen, or a new size of it.
    Screen {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// End of the machine: last event before the process exits.
    Ended {
        /// Reason of the end.
        reason: ExitReason,
        /// Reason in one sentence for users.
        text: String,
    },
}
