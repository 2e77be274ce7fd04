//! What everyone may know of a desktop at any moment.

use oriel_vmm_api::{Accel, MachineKind};
use serde::Serialize;

/// The states of a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No machine.
    Stopped,
    /// A machine is being made, or its guest has not begun.
    Starting,
    /// The guest runs.
    Running,
    /// The guest was asked to shut down.
    Stopping,
    /// No machine, and not because anyone wanted it so.
    Failed,
}

impl State {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Self {
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

/// A desktop at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// Since when, in seconds since 1970 UTC.
    pub since: i64,
    /// What is being done to start it.
    pub progress: Option<String>,
    /// Whether its socket answers, so that viewers may connect.
    pub reachable: bool,
    /// The screen, once the guest shows something.
    pub screen: Option<(u32, u32)>,
    /// What it runs on, while it does.
    pub runs_on: Option<(MachineKind, Accel)>,
}
