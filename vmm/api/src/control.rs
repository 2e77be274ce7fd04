//! Messages on a desktop's control socket.

use crate::config::{Accel, MachineKind};
use crate::exit_report::ExitReason;
use crate::guest_facts::GuestFacts;
use crate::jail::Jail;
use crate::version::VersionRange;
use serde::{Deserialize, Serialize};

/// First line of a connection, from the client: what the connection is for, in which versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Versions of the control messages that the client understands. `None` in the dialect from
    /// before versions, which no machine accepts any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionRange>,
    /// What the connection is for.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// What a connection to the control socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "open", rename_all = "lowercase")]
pub enum Purpose {
    /// Requests, replies and events as lines of JSON.
    Control,
    /// Pictures, sound and input as messages of `docs/protocol.md`.
    Viewer {
        /// What this viewer may do.
        mode: ViewerMode,
    },
}

/// What a viewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewerMode {
    /// See and act.
    Interact,
    /// See only.
    Watch,
}

/// Answer to [`Open`], from the machine: the last line of the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// The connection is open and speaks this version.
    Accepted {
        /// Newest version that both ends understand.
        version: u32,
    },
    /// The machine understands none of the versions that the client named.
    UnsupportedVersion(VersionRange),
    /// The machine does not open the connection for another reason.
    Refused {
        /// The reason in one plain sentence.
        text: String,
    },
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Echoed in the reply.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub command: Command,
}

/// What a machine can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Asks for a [`Description`].
    Describe,
    /// From now on send every [`Event`] on this connection.
    Watch,
    /// Has the guest shut down in its own time: its agent is told to, and where there is none that
    /// listens, the power button is pressed.
    ShutDown,
    /// Presses the power button: the guest shuts down in its own time.
    PressPower,
    /// Resets at once, as the button on the case does.
    Reset,
    /// Ends at once, as pulling the plug does; the process exits.
    Stop,
    /// Stops the processors.
    Pause,
    /// Lets them go on.
    Resume,
    /// Asks the guest for screens of these sizes in pixels, side by side from left to right, and for
    /// no others. It may take its time, or refuse.
    Resize {
        /// Width and height of each.
        screens: Vec<(u32, u32)>,
    },
    /// Asks the guest to leave so much of its memory to the host from now on. It gives what it can
    /// spare, in its own time: `balloon_mib` among the counters tells how much that is.
    Balloon {
        /// MiB; 0 gives it everything back.
        target_mib: u32,
    },
    /// Has the guest's agent bring the file systems to rest, so that the disks may be copied. They
    /// are thawed after 30 s at the latest, whatever happens.
    Freeze,
    /// Ends [`Command::Freeze`].
    Thaw,
    /// Asks for [`crate::GuestFacts`].
    GuestFacts,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The request's.
    pub id: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done (or, for the power button, pressed).
    Done,
    /// The answer to [`Command::Describe`].
    Description(Box<Description>),
    /// The answer to [`Command::Freeze`] and [`Command::Thaw`]: how many file systems.
    FileSystems(u64),
    /// The answer to [`Command::GuestFacts`].
    GuestFacts(Box<GuestFacts>),
    /// One plain sentence.
    Error(String),
}

/// What a machine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Made, not yet executing.
    Starting,
    /// Executing.
    Running,
    /// Processors stopped, on request or for a [`PauseReason`].
    Paused,
    /// The guest was asked to shut down.
    Stopping,
}

/// Why a machine is paused though nobody asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// The host has no room for what the guest wrote. The machine goes on by itself when there is
    /// some, and tries at once on [`Command::Resume`].
    DiskFull,
}

/// Facts and counters of a running machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Newest version of the control messages that the machine understands.
    pub version: u32,
    /// As in the configuration.
    pub id: String,
    /// The process that was started for it, which leads the process group of all that serve it.
    pub pid: u32,
    /// Ours or QEMU.
    pub machine: MachineKind,
    /// What executes guest code.
    pub accel: Accel,
    /// Now.
    pub state: RunState,
    /// Why it is paused; `None` on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<PauseReason>,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Virtual processors.
    pub cpus: u8,
    /// Guest memory.
    pub memory_mib: u32,
    /// The screen; `None` while the guest shows nothing.
    pub screen: Option<(u32, u32)>,
    /// How many are connected.
    pub viewers: u32,
    /// The guest's agents that have opened their ports.
    #[serde(default)]
    pub agents: ConnectedAgents,
    /// Counters by name (dropped inputs, malformed descriptors, frames, bytes …).
    pub counters: std::collections::BTreeMap<String, u64>,
    /// The jail, part by part.
    #[serde(default)]
    pub jail: Jail,
}

/// Who in the guest listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedAgents {
    /// spice-vdagent: clipboard, screen layout, files.
    pub desktop: bool,
    /// qemu-guest-agent: shutdown, frozen file systems, facts.
    pub guest: bool,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A new state.
    State {
        /// Now.
        state: RunState,
        /// Why it is paused; `None` on request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<PauseReason>,
    },
    /// The guest's first picture, or a new size.
    Screen {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The last event: the process ends.
    Ended {
        /// Why.
        reason: ExitReason,
        /// One plain sentence.
        text: String,
    },
}
