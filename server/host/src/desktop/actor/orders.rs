//! Execution of commands by a desktop's actor; [`crate::HostClient`] has the semantics of each.

use super::super::machine::Machine;
use super::super::prepare::prepare;
use super::super::process;
use super::{Actor, Escalation};
use crate::admission::{Reservation, admit};
use crate::error::DesktopError;
use crate::folder::try_lock;
use crate::status::State;
use oriel_vmm_api::{Accel, Command};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Time within which a machine that is forced off must end before it is killed.
const FORCE_OFF_PATIENCE: Duration = Duration::from_secs(10);
/// Capacity of the channel of a preparation's steps.
const STEPS: usize = 4;

impl Actor {
    /// Starts the desktop, or notes that it starts again after its stop.
    pub(super) async fn start(&mut self) -> Result<(), DesktopError> {
        match self.record.state {
            State::Starting | State::Running => Ok(()),
            State::Stopping => {
                self.start_again = true;
                Ok(())
            }
            State::Stopped | State::Failed => self.begin().await,
        }
    }

    /// Admits a desktop without a machine, records [`State::Starting`], and starts the preparation.
    ///
    /// # Errors
    /// The desktop does not fit the host, or the record cannot be written; then no reservation is left.
    pub(super) async fn begin(&mut self) -> Result<(), DesktopError> {
        let context = Arc::clone(&self.context);
        let mut reservations = context.reservations.lock().await;
        let up = context.up_cpus.lock().clone();
        let spec = self.record.spec.clone();
        let admitted = admit(&context.host(), &self.id, &spec, &reservations, &up).await?;
        let reservation =
            Reservation { memory_mib: spec.memory_mib, cpus: spec.cpus, tap: admitted.tap.clone() };
        reservations.insert(self.id.clone(), reservation);
        drop(reservations);
        self.record.boot_id.clone_from(&context.boot_id);
        if let Err(error) = self.enter(State::Starting, None).await {
            context.reservations.lock().await.remove(&self.id);
            return Err(error);
        }
        let (sender, steps) = mpsc::channel(STEPS);
        let cancel = CancellationToken::new();
        let preparation = prepare(context, self.id.clone(), spec, admitted, sender, cancel.clone());
        self.machine = Machine::Preparing { task: tokio::spawn(preparation), steps, cancel };
        Ok(())
    }

    /// Requests a shutdown from the guest, or cancels a preparation.
    pub(super) async fn stop(&mut self) -> Result<(), DesktopError> {
        if !matches!(self.record.state, State::Starting | State::Running) {
            return Ok(());
        }
        if let Machine::OutOfReach { .. } = self.machine {
            return Err(DesktopError::Conflict(
                "This desktop's machine was started by another version of Oriel and accepts no requests from this one; \
                 shut the guest down from inside, or force the desktop off."
                    .into(),
            ));
        }
        self.enter(State::Stopping, None).await?;
        match &mut self.machine {
            Machine::Down | Machine::OutOfReach { .. } => {}
            Machine::Preparing { cancel, .. } => cancel.cancel(),
            Machine::Up { link, .. } => {
                if let Err(text) = link.request(Command::ShutDown).await {
                    tracing::warn!(desktop = %self.id, text, "the shutdown request could not be sent to the guest");
                }
                self.deadline = Some((Instant::now() + self.grace(), Escalation::ForceOff));
            }
        }
        Ok(())
    }

    /// Ends the machine without a shutdown of the guest.
    pub(super) async fn force_off(&mut self) -> Result<(), DesktopError> {
        if !self.record.state.is_up() {
            return Ok(());
        }
        self.enter(State::Stopping, None).await?;
        match &mut self.machine {
            Machine::Down => {}
            Machine::Preparing { cancel, .. } => cancel.cancel(),
            Machine::Up { .. } => self.escalate(Escalation::ForceOff).await,
            Machine::OutOfReach { .. } => self.kill().await,
        }
        Ok(())
    }

    /// Stops the desktop and notes that it starts again.
    pub(super) async fn restart(&mut self) -> Result<(), DesktopError> {
        if !self.record.state.is_up() {
            return self.start().await;
        }
        self.stop().await?;
        self.start_again = true;
        Ok(())
    }

    /// Sends a reset to the machine.
    pub(super) async fn reset(&mut self) -> Result<(), DesktopError> {
        match &mut self.machine {
            Machine::Up { link, .. } => link.request(Command::Reset).await.map_err(DesktopError::Unavailable),
            Machine::OutOfReach { .. } => Err(DesktopError::Conflict(
                "This desktop's machine was started by another version of Oriel and accepts no requests from this one; \
                 force the desktop off and start it again."
                    .into(),
            )),
            Machine::Down | Machine::Preparing { .. } => {
                Err(DesktopError::Conflict("The desktop is not running; start it instead.".into()))
            }
        }
    }

    /// Removes the folder of a desktop without a machine.
    pub(super) async fn delete(&mut self) -> Result<(), DesktopError> {
        if self.record.state.is_up() {
            return Err(DesktopError::Conflict("The desktop is running; stop it first.".into()));
        }
        let dir = self.dir.clone();
        // The lock is held to the end: while it is, no process of the desktop can use the disk.
        let removed = tokio::task::spawn_blocking(move || {
            let _lock = try_lock(&dir.alive_lock()).map_err(|error| error.to_string())?;
            std::fs::remove_dir_all(dir.root()).map_err(|error| error.to_string())
        })
        .await;
        removed.map_err(|error| error.to_string()).and_then(|removed| removed).map_err(|error| {
            DesktopError::Internal(format!("{} could not be deleted: {error}.", self.dir.root().display()))
        })?;
        self.deleted = true;
        self.context.updates.remove(&self.id);
        Ok(())
    }

    /// Returns the time that the guest has for a shutdown.
    pub(super) fn grace(&self) -> Duration {
        let status = self.context.updates.status(&self.id);
        let accel = status.and_then(|status| status.runs_on).map_or(Accel::Kvm, |(_, accel)| accel);
        self.context.settings.stop_grace_of(accel)
    }

    /// Forces the machine off, or kills it.
    pub(super) async fn escalate(&mut self, escalation: Escalation) {
        self.deadline = None;
        match (escalation, &mut self.machine) {
            (Escalation::ForceOff, Machine::Up { link, .. }) => {
                self.deadline = Some((Instant::now() + FORCE_OFF_PATIENCE, Escalation::Kill));
                if let Err(text) = link.request(Command::Stop).await {
                    tracing::warn!(desktop = %self.id, text, "the stop command could not be sent to the machine");
                }
            }
            (Escalation::Kill, Machine::Up { .. }) | (_, Machine::OutOfReach { .. }) => self.kill().await,
            (_, Machine::Down | Machine::Preparing { .. }) => {}
        }
    }

    /// Kills the machine's process group, if a process of the machine lives.
    pub(super) async fn kill(&self) {
        if let Some(pid) = self.record.pid
            && process::is_alive(&self.dir).await
        {
            process::kill_group(pid);
        }
    }
}
