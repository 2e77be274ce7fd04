//! The states of a desktop, and the updates by which a host tells of them.

use crate::hold::DesktopId;
use oriel_vmm_api::{Accel, MachineKind};
use serde::{Deserialize, Serialize};

/// The states of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The desktop has no machine.
    Stopped,
    /// A machine is being made, or its guest has not begun.
    Starting,
    /// The guest runs.
    Running,
    /// The guest was asked to shut down.
    Stopping,
    /// The desktop has no machine, though nobody asked for that.
    Failed,
}

impl State {
    /// The state as records and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    /// The state of a stored word; a word of no state is [`State::Stopped`].
    pub fn from_stored(text: &str) -> Self {
        match text {
            "starting" => Self::Starting,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "failed" => Self::Failed,
            _ => Self::Stopped,
        }
    }

    /// Whether there is a machine, or soon will be.
    pub fn is_up(self) -> bool {
        !matches!(self, Self::Stopped | Self::Failed)
    }
}

/// A desktop at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The desktop's state.
    pub state: State,
    /// Why the desktop is in that state, where there is something to say; one sentence.
    pub reason: Option<String>,
    /// When the state was entered, in seconds since 1970 UTC.
    pub since: i64,
    /// What is being done to start the desktop; one sentence.
    pub progress: Option<String>,
    /// Whether the machine's socket answers, so that viewers may connect.
    pub reachable: bool,
    /// Width and height of the screen in pixels, once the guest shows something.
    pub screen: Option<(u32, u32)>,
    /// The machine and what executes the guest's code, while it runs.
    pub runs_on: Option<(MachineKind, Accel)>,
    /// How many viewers are connected.
    pub viewers: u32,
    /// The leader of the machine's process group, while there is one.
    pub pid: Option<u32>,
}

impl Status {
    /// A desktop without a machine that has been in a state since a time.
    pub fn recorded(state: State, reason: Option<String>, since: i64) -> Self {
        Self {
            state,
            reason,
            since,
            progress: None,
            reachable: false,
            screen: None,
            runs_on: None,
            viewers: 0,
            pid: None,
        }
    }
}

/// The number of an update in the sequence of one host, one more than that of the update before. Numbers are compared
/// within one watch only: a host that starts anew begins at 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// A change of one desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopUpdate {
    /// The update's number.
    pub sequence: Sequence,
    /// The desktop that changed.
    pub desktop: DesktopId,
    /// The desktop from now on; `None`: it was deleted.
    pub status: Option<Status>,
}
