//! Messages to a desktop's actor: commands from the control plane, and events from the desktop's machine.

use super::prepare::{PrepareError, RunningMachine};
use crate::error::DesktopError;
use crate::hold::Hold;
use crate::schedule::Priority;
use crate::spec::DesktopSpec;
use crate::status::Sequence;
use oriel_vmm_api::Event;
use tokio::sync::oneshot;

/// Command to a desktop, with the semantics of the method of [`crate::HostClient`] that has the same name.
#[derive(Debug)]
pub(crate) enum DesktopCommand {
    Ensure(Box<DesktopSpec>),
    Start,
    Stop,
    ForceOff,
    Restart,
    Reset,
    Delete,
    SetPriority(Priority),
}

/// Command with its hold and the channel for the reply.
pub(crate) struct CommandRequest {
    /// Hold that the command names.
    pub hold: Hold,
    /// Command to execute.
    pub command: DesktopCommand,
    /// Channel for the number of the last update, or for the error.
    pub reply: oneshot::Sender<Result<Sequence, DesktopError>>,
}

/// Event of a desktop's machine.
pub(crate) enum MachineEvent {
    /// A step of the machine's start begins, described in one sentence.
    Progress(String),
    /// The machine's process runs; the number is that of its process group's leader.
    Started(u32),
    /// The machine's start has succeeded or failed.
    Prepared(Result<RunningMachine, PrepareError>),
    /// The machine sent an event over its control connection.
    Event(Event),
    /// The control connection ended, or the processes of a machine that is out of reach ended.
    Gone,
}
