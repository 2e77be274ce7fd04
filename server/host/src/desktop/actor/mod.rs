//! Actor of a desktop: the task that executes commands, follows the machine, and records every change of
//! state before it acts on the change.
//!
//! `orders` executes the control plane's commands; `machine_events` follows the machine's events and
//! deadlines.

mod machine_events;
mod orders;

use super::command::{CommandRequest, DesktopCommand};
use super::machine::Machine;
use super::record::Record;
use crate::context::HostContext;
use crate::error::DesktopError;
use crate::folder::DesktopDir;
use crate::hold::{DesktopId, Hold};
use crate::schedule::Priority;
use crate::status::{State, Status};
use oriel_vmm_api::ExitReport;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Actor of a desktop.
pub(crate) struct Actor {
    context: Arc<HostContext>,
    id: DesktopId,
    dir: DesktopDir,
    record: Record,
    /// Recorded hold, for readers that send no command, such as `open_viewer`.
    hold: Arc<Mutex<Hold>>,
    machine: Machine,
    /// Time of the next escalation of a stop.
    deadline: Option<(Instant, Escalation)>,
    /// Starts the desktop after its machine has ended: for a restart, or a start while the desktop stops.
    start_again: bool,
    /// Exit report that the machine sent before its control connection ended.
    exit_report: Option<ExitReport>,
    priority: Priority,
    /// Whether a failure to set the priority was logged, so that it is logged once.
    priority_failed: bool,
    deleted: bool,
}

/// Escalation of a stop that did not complete in time.
#[derive(Clone, Copy)]
enum Escalation {
    /// The guest did not shut down: force the machine off.
    ForceOff,
    /// The machine did not end: kill its process group.
    Kill,
}

impl Actor {
    /// Starts the actor of a recorded desktop. If the record says that the desktop is up, the actor first
    /// adopts the machine.
    pub(crate) fn spawn(
        context: Arc<HostContext>,
        record: Record,
        hold: Arc<Mutex<Hold>>,
        commands: mpsc::Receiver<CommandRequest>,
    ) {
        let id = record.hold.desktop.clone();
        let status =
            Status { pid: record.pid, ..Status::recorded(record.state, record.reason.clone(), record.since) };
        if record.state.is_up() {
            context.up_cpus.lock().insert(id.clone(), record.spec.cpus);
        }
        context.updates.insert(&id, status);
        let actor = Self {
            dir: context.dir.desktop(&id),
            context,
            id,
            record,
            hold,
            machine: Machine::Down,
            deadline: None,
            start_again: false,
            exit_report: None,
            priority: Priority::Unwatched,
            priority_failed: false,
            deleted: false,
        };
        tokio::spawn(actor.run(commands));
    }

    /// Handles commands, events and deadlines one at a time, until the desktop is deleted or the host ends.
    async fn run(mut self, mut commands: mpsc::Receiver<CommandRequest>) {
        if self.record.state.is_up() {
            self.adopt().await;
        }
        while !self.deleted {
            let deadline = self.deadline;
            tokio::select! {
                request = commands.recv() => match request {
                    Some(request) => self.handle_request(request).await,
                    None => return,
                },
                event = self.machine.event() => self.handle_event(event).await,
                Some(escalation) = overdue(deadline) => self.escalate(escalation).await,
            }
        }
    }

    /// Changes the desktop's status, and publishes the update.
    fn publish(&self, change: impl FnOnce(&mut Status)) {
        self.context.updates.modify(&self.id, change);
    }

    /// Records a state durably, then publishes it. On a full disk a desktop still stops: if the host restarts
    /// before there is room, it finds out that the machine has ended.
    ///
    /// # Errors
    /// The record cannot be written; then the state is unchanged.
    async fn enter(&mut self, state: State, reason: Option<String>) -> Result<(), DesktopError> {
        let before = self.record.clone();
        self.record.state = state;
        self.record.reason = reason;
        self.record.since = crate::unix_now();
        if let Err(error) = self.record.write(&self.dir).await {
            let stops = matches!(state, State::Stopping | State::Stopped | State::Failed);
            if !(stops && matches!(error, DesktopError::NoRoom(_))) {
                self.record = before;
                return Err(error);
            }
        }
        if state != State::Starting {
            self.context.reservations.lock().await.remove(&self.id);
        }
        {
            let mut up = self.context.up_cpus.lock();
            if state.is_up() {
                up.insert(self.id.clone(), self.record.spec.cpus);
            } else {
                up.remove(&self.id);
            }
        }
        let Record { reason, since, pid, .. } = &self.record;
        tracing::info!(desktop = %self.id, state = state.as_str(), reason, "the desktop's state changed");
        self.publish(|status| {
            status.state = state;
            status.reason = reason.clone();
            status.since = *since;
            status.pid = *pid;
            if state != State::Starting {
                status.progress = None;
            }
            if !state.is_up() {
                status.reachable = false;
                status.waits_for_disk = false;
                status.screen = None;
                status.runs_on = None;
            }
        });
        Ok(())
    }

    /// Records the leader of the machine's process group, then publishes it. A failure is logged only: the
    /// process runs already, and the lock finds it.
    async fn record_pid(&mut self, pid: Option<u32>) {
        self.record.pid = pid;
        if let Err(error) = self.record.write(&self.dir).await {
            tracing::error!(desktop = %self.id, %error, "the machine's process was not recorded");
        }
        self.publish(|status| status.pid = pid);
    }

    /// Checks a request's hold, executes its command and sends the reply.
    async fn handle_request(&mut self, request: CommandRequest) {
        let CommandRequest { hold, command, reply } = request;
        let outcome = match self.check_hold(&hold).await {
            Ok(()) => self.handle_command(command).await,
            Err(error) => Err(error),
        };
        // The requester may have dropped its receiver.
        let _ = reply.send(outcome.map(|()| self.context.updates.sequence()));
    }

    /// Refuses a command with a superseded hold, and records a newer epoch durably.
    ///
    /// # Errors
    /// [`DesktopError::OtherDisk`], [`DesktopError::StaleEpoch`], or the record cannot be written.
    async fn check_hold(&mut self, hold: &Hold) -> Result<(), DesktopError> {
        let recorded = &self.record.hold;
        if hold.disk != recorded.disk {
            return Err(DesktopError::OtherDisk(self.id.clone()));
        }
        if hold.epoch < recorded.epoch {
            return Err(DesktopError::StaleEpoch { given: hold.epoch, recorded: recorded.epoch });
        }
        if hold.epoch > recorded.epoch {
            let before = std::mem::replace(&mut self.record.hold, hold.clone());
            if let Err(error) = self.record.write(&self.dir).await {
                self.record.hold = before;
                return Err(error);
            }
            *self.hold.lock() = hold.clone();
        }
        Ok(())
    }

    /// Executes a command whose hold was checked.
    async fn handle_command(&mut self, command: DesktopCommand) -> Result<(), DesktopError> {
        match command {
            DesktopCommand::Ensure(spec) => {
                if self.record.spec == *spec {
                    return Ok(());
                }
                let before = std::mem::replace(&mut self.record.spec, *spec);
                let written = self.record.write(&self.dir).await;
                if written.is_err() {
                    self.record.spec = before;
                }
                written
            }
            DesktopCommand::Start => self.start().await,
            DesktopCommand::Stop => {
                self.start_again = false;
                self.stop().await
            }
            DesktopCommand::ForceOff => {
                self.start_again = false;
                self.force_off().await
            }
            DesktopCommand::Restart => self.restart().await,
            DesktopCommand::Reset => self.reset().await,
            DesktopCommand::Delete => self.delete().await,
            DesktopCommand::SetPriority(priority) => {
                self.priority = priority;
                self.apply_priority();
                Ok(())
            }
        }
    }
}

/// Waits for the deadline; never returns without one.
async fn overdue(deadline: Option<(Instant, Escalation)>) -> Option<Escalation> {
    match deadline {
        Some((at, escalation)) => {
            tokio::time::sleep_until(at).await;
            Some(escalation)
        }
        None => std::future::pending().await,
    }
}
