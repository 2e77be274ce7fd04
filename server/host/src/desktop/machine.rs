//! State of a desktop's machine as its actor sees it, and the source of the machine's events.

use super::command::MachineEvent;
use super::control::{ControlLink, Events};
use super::prepare::{PrepareError, RunningMachine, Step};
use super::process;
use crate::folder::DesktopDir;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Interval at which the processes of a machine out of reach are checked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Machine of a desktop.
pub(super) enum Machine {
    /// There is no machine.
    Down,
    /// A task prepares the machine, reports its steps, and can be cancelled.
    Preparing {
        task: JoinHandle<Result<RunningMachine, PrepareError>>,
        steps: mpsc::Receiver<Step>,
        cancel: CancellationToken,
    },
    /// The machine runs, and its control connection is open.
    Up { link: ControlLink, events: Events },
    /// The machine runs, but speaks an unsupported version of the control protocol: the host can only kill
    /// it.
    OutOfReach { dir: DesktopDir },
}

impl Machine {
    /// Waits for the machine's next event. The future may be dropped without losing an event.
    pub(super) async fn event(&mut self) -> MachineEvent {
        match self {
            Self::Down => std::future::pending().await,
            Self::Preparing { task, steps, .. } => tokio::select! {
                // The process is recorded before its outcome is looked at.
                biased;
                Some(step) = steps.recv() => match step {
                    Step::Progress(text) => MachineEvent::Progress(text.into()),
                    Step::Started(pid) => MachineEvent::Started(pid),
                },
                outcome = task => MachineEvent::Prepared(outcome.unwrap_or_else(|error| {
                    Err(PrepareError::Failed(format!("The start of the desktop was interrupted: {error}.")))
                })),
            },
            Self::Up { events, .. } => events.recv().await.map_or(MachineEvent::Gone, MachineEvent::Event),
            Self::OutOfReach { dir } => {
                while process::is_alive(dir).await {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                MachineEvent::Gone
            }
        }
    }
}
