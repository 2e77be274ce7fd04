//! What a desktop's actor is told, and what it hears of its machine.

use super::prepare::{PrepareError, RunningMachine};
use crate::error::DesktopError;
use crate::hold::Hold;
use crate::schedule::Priority;
use crate::spec::DesktopSpec;
use crate::status::Sequence;
use oriel_vmm_api::Event;
use tokio::sync::oneshot;

/// An order for a desktop. [`crate::HostClient`] tells what each does.
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

/// An order with the claim under which it is given and the way back to whoever gave it.
pub(crate) struct CommandRequest {
    pub hold: Hold,
    pub command: DesktopCommand,
    pub reply: oneshot::Sender<Result<Sequence, DesktopError>>,
}

/// What happened to a desktop's machine.
pub(crate) enum MachineEvent {
    /// A step of its start; one sentence.
    Progress(String),
    /// Its process runs, and leads its process group.
    Started(u32),
    /// Its start came to an end.
    Prepared(Result<RunningMachine, PrepareError>),
    /// The machine told of something.
    Event(Event),
    /// The connection to the machine ended, or its process did.
    Gone,
}
