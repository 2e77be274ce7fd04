//! A desktop's machine as its actor sees it: none, one that is being made, one that answers, or one that runs out of reach.

use super::command::MachineEvent;
use super::control::{ControlLink, Events};
use super::prepare::{PrepareError, RunningMachine, Step};
use super::process;
use crate::folder::DesktopDir;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a machine out of reach still lives.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A desktop's machine.
pub(super) enum Machine {
    Down,
    Preparing {
        task: JoinHandle<Result<RunningMachine, PrepareError>>,
        steps: mpsc::Receiver<Step>,
        cancel: CancellationToken,
    },
    Up {
        link: ControlLink,
        events: Events,
    },
    /// It runs, and speaks a version of the control protocol that this host does not know.
    OutOfReach {
        dir: DesktopDir,
    },
}

impl Machine {
    /// Waits for an event; giving up the wait loses none.
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
                    Err(PrepareError::Failed(format!("The start of the desktop broke off: {error}.")))
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
