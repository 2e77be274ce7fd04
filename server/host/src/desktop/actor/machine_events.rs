//! Reaction of a desktop's actor to its machine: events, lost connections, ends and adoption.

use super::super::command::MachineEvent;
use super::super::control::{ConnectError, ControlLink};
use super::super::machine::Machine;
use super::super::prepare::{PrepareError, RunningMachine, read_exit_report};
use super::super::process;
use super::{Actor, Escalation};
use crate::status::State;
use oriel_vmm_api::{Event, ExitReason, ExitReport, PauseReason, RunState};
use std::time::Duration;
use tokio::time::Instant;

/// Time within which a machine whose control connection broke must end or accept a new connection.
const GONE_PATIENCE: Duration = Duration::from_secs(10);
/// Interval at which such a machine is checked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// End of a desktop's machine.
enum MachineEnd {
    /// The machine ended as requested, by the guest's shutdown or with the host; a sentence if that needs one.
    Stopped(Option<String>),
    /// The machine ended unexpectedly or did not start; the reason in one sentence.
    Failed(String),
}

impl Actor {
    /// Applies an event of the machine to the desktop's state and status.
    pub(super) async fn handle_event(&mut self, event: MachineEvent) {
        match event {
            MachineEvent::Progress(text) => self.publish(|status| status.progress = Some(text)),
            MachineEvent::Started(pid) => self.record_pid(Some(pid)).await,
            MachineEvent::Prepared(Ok(machine)) => self.connected(machine).await,
            MachineEvent::Prepared(Err(error)) => {
                self.machine = Machine::Down;
                let end = match error {
                    PrepareError::Failed(text) if self.record.state != State::Stopping => {
                        MachineEnd::Failed(text)
                    }
                    _ => MachineEnd::Stopped(None),
                };
                self.settle(end).await;
            }
            MachineEvent::Event(Event::State { state, reason }) => {
                self.publish(|status| status.waits_for_disk = reason == Some(PauseReason::DiskFull));
                self.follow(state).await;
            }
            MachineEvent::Event(Event::Screen { width, height }) => {
                self.publish(|status| status.screen = Some((width, height)));
            }
            MachineEvent::Event(Event::Ended { reason, text }) => {
                self.exit_report = Some(ExitReport { reason, text });
            }
            MachineEvent::Gone => self.gone().await,
        }
    }

    /// Takes over a machine that answers: a new one, or one that an earlier host process started.
    async fn connected(&mut self, machine: RunningMachine) {
        let RunningMachine { link, events, description } = machine;
        self.machine = Machine::Up { link, events };
        self.exit_report = None;
        self.publish(|status| {
            status.reachable = true;
            status.waits_for_disk = description.reason == Some(PauseReason::DiskFull);
            status.screen = description.screen;
            status.runs_on = Some((description.machine, description.accel));
            if status.state == State::Starting {
                status.progress = Some("Starting the guest.".into());
            }
        });
        if self.record.state == State::Stopping {
            self.deadline = Some((Instant::now() + self.grace(), Escalation::ForceOff));
        }
        self.apply_priority();
        self.follow(description.state).await;
    }

    /// Leaves a machine alone that speaks an unsupported version of the control protocol, and publishes the
    /// desktop as up.
    async fn out_of_reach(&mut self, reason: String) {
        tracing::warn!(desktop = %self.id, reason, "a running machine speaks an unsupported version of the control protocol");
        self.machine = Machine::OutOfReach { dir: self.dir.clone() };
        self.publish(|status| status.reachable = false);
        let state = match self.record.state {
            State::Stopping => State::Stopping,
            _ => State::Running,
        };
        if self.record.state != state || self.record.reason.as_ref() != Some(&reason) {
            self.enter_or_log(state, Some(reason)).await;
        }
        self.apply_priority();
    }

    /// Applies the desktop's priority to its machine, if there is one.
    pub(super) fn apply_priority(&mut self) {
        let (Some(group), Machine::Up { .. } | Machine::OutOfReach { .. }) = (self.record.pid, &self.machine)
        else {
            return;
        };
        if let Err(error) = self.context.scheduler.set_priority(self.id.as_str(), group, self.priority)
            && !std::mem::replace(&mut self.priority_failed, true)
        {
            tracing::warn!(desktop = %self.id, %error, "the desktop's priority could not be applied");
        }
    }

    /// Enters the state that follows from the machine's run state, if it differs.
    async fn follow(&mut self, machine: RunState) {
        let next = match (machine, self.record.state) {
            (RunState::Running, State::Starting) => State::Running,
            (RunState::Stopping, State::Starting | State::Running) => State::Stopping,
            // The reason says that the machine is out of reach, which has ended.
            (RunState::Running, State::Running) if self.record.reason.is_some() => State::Running,
            _ => return,
        };
        self.enter_or_log(next, None).await;
    }

    /// Enters a state; a failure to record it is logged only, because the machine has acted already.
    async fn enter_or_log(&mut self, state: State, reason: Option<String>) {
        if let Err(error) = self.enter(state, reason).await {
            tracing::error!(desktop = %self.id, %error, "the desktop's state could not be recorded");
        }
    }

    /// Handles a lost control connection: reconnects to a machine that still answers, waits for one that
    /// ends, and kills one that does neither within [`GONE_PATIENCE`]. Then it determines the desktop's state
    /// from the exit report.
    async fn gone(&mut self) {
        self.machine = Machine::Down;
        // A machine that reconnects gains no time by it.
        let pending = self.deadline.take();
        let until = Instant::now() + GONE_PATIENCE;
        while process::is_alive(&self.dir).await {
            if Instant::now() >= until {
                tracing::warn!(desktop = %self.id, "killing a machine that no longer answers");
                self.kill().await;
            } else if self.exit_report.is_none() {
                match ControlLink::connect(&self.dir.socket()).await {
                    Ok((link, events, description)) => {
                        self.connected(RunningMachine { link, events, description }).await;
                        self.deadline = pending.or(self.deadline);
                        return;
                    }
                    Err(ConnectError::UnknownVersion(reason)) => {
                        self.out_of_reach(reason).await;
                        self.deadline = pending;
                        return;
                    }
                    Err(ConnectError::Unreachable) => {}
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let report = self.exit_report.take().or_else(|| read_exit_report(&self.dir));
        let stopping = self.record.state == State::Stopping;
        let end = match report {
            Some(ExitReport { reason: ExitReason::GuestPowerOff | ExitReason::Stopped, .. }) => {
                MachineEnd::Stopped(None)
            }
            Some(ExitReport { text, .. }) => MachineEnd::Failed(text),
            None if stopping => MachineEnd::Stopped(None),
            None if self.is_of_another_boot() => MachineEnd::Stopped(Some(
                "The host restarted, and the desktop's machine ended with it.".into(),
            )),
            None => MachineEnd::Failed(self.why_killed().unwrap_or_else(|| {
                format!(
                    "The desktop's machine ended without saying why; see {}.",
                    self.dir.vmm_log().display()
                )
            })),
        };
        self.settle(end).await;
    }

    /// Returns whether the desktop's machine was started before the host booted.
    fn is_of_another_boot(&self) -> bool {
        matches!((&self.record.boot_id, &self.context.boot_id), (Some(then), Some(now)) if then != now)
    }

    /// Returns the sentence for a machine that the kernel killed for lack of memory, if it did.
    fn why_killed(&self) -> Option<String> {
        self.context.cgroups.as_ref().ok()?.why_killed(self.id.as_str())
    }

    /// Enters the state of a desktop without a machine: stopped, failed, or starting again.
    async fn settle(&mut self, end: MachineEnd) {
        self.deadline = None;
        if let Ok(cgroups) = &self.context.cgroups {
            cgroups.leave(self.id.as_str());
        }
        self.record.pid = None;
        let end = if std::mem::take(&mut self.start_again) {
            match self.begin().await {
                Ok(()) => return,
                Err(error) => MachineEnd::Failed(error.to_string()),
            }
        } else {
            end
        };
        let (state, reason) = match end {
            MachineEnd::Stopped(reason) => (State::Stopped, reason),
            MachineEnd::Failed(text) => (State::Failed, Some(text)),
        };
        self.enter_or_log(state, reason).await;
    }

    /// Connects to the machine that an earlier host process started, or determines the state from how the
    /// machine ended.
    pub(super) async fn adopt(&mut self) {
        match ControlLink::connect(&self.dir.socket()).await {
            Ok((link, events, description)) => {
                tracing::info!(desktop = %self.id, pid = description.pid, "adopted a running machine");
                // A control group loses its limits when systemd restarts the service.
                if let Err(text) = self.context.cgroup(&self.id, &self.record.spec, description.accel) {
                    tracing::warn!(desktop = %self.id, text, "the limits of an adopted desktop could not be set");
                }
                self.connected(RunningMachine { link, events, description }).await;
            }
            // Either it has ended, or its socket is not there yet, or it is out of reach: `gone` finds out.
            Err(_) => self.gone().await,
        }
    }
}
