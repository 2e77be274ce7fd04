//! What a desktop is told to do.

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

/// A machine that was told to end at once has so long to do it.
const FORCE_OFF_PATIENCE: Duration = Duration::from_secs(10);
/// Steps of a start on their way to the actor.
const STEPS: usize = 4;

impl Actor {
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

    /// Brings a machine up; there is none now.
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

    pub(super) async fn stop(&mut self) -> Result<(), DesktopError> {
        if !matches!(self.record.state, State::Starting | State::Running) {
            return Ok(());
        }
        if let Machine::OutOfReach { .. } = self.machine {
            return Err(DesktopError::Conflict(
                "This desktop's machine was started by another version of Oriel and takes no orders from this one; \
                 shut it down from inside, or force it off."
                    .into(),
            ));
        }
        self.enter(State::Stopping, None).await?;
        match &mut self.machine {
            Machine::Down | Machine::OutOfReach { .. } => {}
            Machine::Preparing { cancel, .. } => cancel.cancel(),
            Machine::Up { link, .. } => {
                if let Err(text) = link.request(Command::ShutDown).await {
                    tracing::warn!(desktop = %self.id, text, "the guest could not be told to shut down");
                }
                self.deadline = Some((Instant::now() + self.grace(), Escalation::ForceOff));
            }
        }
        Ok(())
    }

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

    pub(super) async fn restart(&mut self) -> Result<(), DesktopError> {
        if !self.record.state.is_up() {
            return self.start().await;
        }
        self.stop().await?;
        self.start_again = true;
        Ok(())
    }

    pub(super) async fn reset(&mut self) -> Result<(), DesktopError> {
        match &mut self.machine {
            Machine::Up { link, .. } => link.request(Command::Reset).await.map_err(DesktopError::Unavailable),
            Machine::OutOfReach { .. } => Err(DesktopError::Conflict(
                "This desktop's machine was started by another version of Oriel and takes no orders from this one; \
                 force it off and start it again."
                    .into(),
            )),
            Machine::Down | Machine::Preparing { .. } => {
                Err(DesktopError::Conflict("The desktop is not running; start it instead.".into()))
            }
        }
    }

    pub(super) async fn delete(&mut self) -> Result<(), DesktopError> {
        if self.record.state.is_up() {
            return Err(DesktopError::Conflict("The desktop is running; stop it first.".into()));
        }
        let dir = self.dir.clone();
        // Held to the end, so that no process of the desktop can be there.
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

    pub(super) fn grace(&self) -> Duration {
        let status = self.context.updates.status(&self.id);
        match status.and_then(|status| status.runs_on) {
            Some((_, Accel::Tcg)) => self.context.settings.stop_grace_emulated,
            _ => self.context.settings.stop_grace,
        }
    }

    pub(super) async fn escalate(&mut self, escalation: Escalation) {
        self.deadline = None;
        match (escalation, &mut self.machine) {
            (Escalation::ForceOff, Machine::Up { link, .. }) => {
                self.deadline = Some((Instant::now() + FORCE_OFF_PATIENCE, Escalation::Kill));
                if let Err(text) = link.request(Command::Stop).await {
                    tracing::warn!(desktop = %self.id, text, "the machine could not be told to end");
                }
            }
            (Escalation::Kill, Machine::Up { .. }) => self.kill().await,
            (_, Machine::Down | Machine::Preparing { .. } | Machine::OutOfReach { .. }) => {}
        }
    }

    pub(super) async fn kill(&self) {
        if let Some(pid) = self.record.pid
            && process::is_alive(&self.dir).await
        {
            process::kill_group(pid);
        }
    }
}
