//! States of a desktop, and the numbered updates by which a host reports changes.

use crate::hold::DesktopId;
use oriel_vmm_api::{Accel, MachineKind};
use serde::{Deserialize, Serialize};

/// State of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The desktop has no machine: its last one ended as requested or by the guest's shutdown, or there was
    /// none yet.
    Stopped,
    /// A machine is being prepared or started, and its guest does not run yet.
    Starting,
    /// The guest runs.
    Running,
    /// The guest shuts down, or the machine is being ended.
    Stopping,
    /// The desktop has no machine: its last one ended unexpectedly or did not start.
    Failed,
}

impl State {
    /// Returns the word for the state in records, in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    /// Returns the state for a stored word; [`State::Stopped`] for an unknown word.
    pub fn from_stored(text: &str) -> Self {
        match text {
            "starting" => Self::Starting,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "failed" => Self::Failed,
            _ => Self::Stopped,
        }
    }

    /// Returns whether the desktop has a machine, or one is being made.
    pub fn is_up(self) -> bool {
        !matches!(self, Self::Stopped | Self::Failed)
    }
}

/// Status of a desktop: its state and what is visible of its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// State of the desktop.
    pub state: State,
    /// Reason of the state in one sentence, such as the cause of a failure.
    pub reason: Option<String>,
    /// Time at which the desktop entered the state, in seconds since 1970 UTC.
    pub since: i64,
    /// Current step of a start in one sentence.
    pub progress: Option<String>,
    /// Whether the host has a control connection to the machine, so that viewers can connect.
    pub reachable: bool,
    /// Whether the guest is paused until the host's disk has space for its writes.
    pub waits_for_disk: bool,
    /// Width and height of the first screen in pixels; `None` before the guest shows a picture.
    pub screen: Option<(u32, u32)>,
    /// Kind of the running machine, and what executes the guest's code.
    pub runs_on: Option<(MachineKind, Accel)>,
    /// Number of connected viewers.
    pub viewers: u32,
    /// Process number of the leader of the machine's process group; `None` without a machine.
    pub pid: Option<u32>,
}

impl Status {
    /// Returns the status of a desktop without a machine, in a state since a time in seconds since 1970 UTC.
    pub fn recorded(state: State, reason: Option<String>, since: i64) -> Self {
        Self {
            state,
            reason,
            since,
            progress: None,
            reachable: false,
            waits_for_disk: false,
            screen: None,
            runs_on: None,
            viewers: 0,
            pid: None,
        }
    }
}

/// Number of an update in a host's sequence, one more than the number of the update before. Numbers are
/// comparable within one watch only, because a restarted host begins at 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Returns the number after this one; wraps around after `u64::MAX`.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Update that reports a change of one desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopUpdate {
    /// Number of the update.
    pub sequence: Sequence,
    /// Desktop that changed.
    pub desktop: DesktopId,
    /// Status of the desktop after the change; `None` after its deletion.
    pub status: Option<Status>,
}
