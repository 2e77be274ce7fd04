//! qemu-guest-agent: one command at a time, by the "QEMU Guest Agent Protocol Reference"
//! (`qga/qapi-schema.json`).

mod error;
mod freeze;
mod responses;
mod session;

use crate::port::HostPort;
use freeze::ThawTimer;
use oriel_vmm_api::GuestFacts;
use parking_lot::Mutex;
use session::{QgaSession, RESPONSE_TIMEOUT};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::QgaError;

/// Longest wait for `guest-fsfreeze-freeze`: file systems may have much to write before they freeze.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(8);
/// Wait for an error of `guest-shutdown`, which has no response on success.
const SHUTDOWN_ERROR_TIMEOUT: Duration = Duration::from_secs(1);

/// Mode of a shutdown of the guest (`guest-shutdown`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Powers the guest off (`powerdown`).
    PowerDown,
    /// Restarts the guest (`reboot`).
    Reboot,
}

/// Host's side of one machine's qemu-guest-agent. Calls block for some seconds at most, and run one
/// after the other.
pub struct GuestAgent {
    session: Arc<Mutex<QgaSession>>,
    thaw_timer: ThawTimer,
}

impl GuestAgent {
    /// Creates the host's side of whatever agent opens `port`.
    pub fn new(port: HostPort) -> Self {
        let session = Arc::new(Mutex::new(QgaSession::new(port)));
        Self { thaw_timer: ThawTimer::new(session.clone()), session }
    }

    /// Whether an agent has the port open; [`Self::ping`] tells whether the agent also responds.
    pub fn is_connected(&self) -> bool {
        // Another caller that holds the lock is in the middle of a command.
        self.session.try_lock().is_none_or(|session| session.is_connected())
    }

    /// Checks that the agent responds (`guest-ping`).
    ///
    /// # Errors
    /// When no agent is connected or its response is late or invalid.
    pub fn ping(&self) -> Result<(), QgaError> {
        self.session.lock().execute("guest-ping", None, RESPONSE_TIMEOUT).map(drop)
    }

    /// Agent's version and the names of its enabled commands (`guest-info`).
    ///
    /// # Errors
    /// When no agent is connected or its response is late or invalid.
    pub fn info(&self) -> Result<(String, Vec<String>), QgaError> {
        responses::info(self.session.lock().execute("guest-info", None, RESPONSE_TIMEOUT)?)
    }

    /// Shuts the guest down as its own menu would (`guest-shutdown`). Returns once the agent has
    /// taken the command; the guest then takes its time.
    ///
    /// # Errors
    /// When no agent is connected, or the agent returns an error.
    pub fn shut_down(&self, mode: ShutdownMode) -> Result<(), QgaError> {
        let mode = match mode {
            ShutdownMode::PowerDown => "powerdown",
            ShutdownMode::Reboot => "reboot",
        };
        let arguments = serde_json::json!({ "mode": mode });
        match self.session.lock().execute("guest-shutdown", Some(arguments), SHUTDOWN_ERROR_TIMEOUT) {
            // The command has no response on success, and the agent goes down with its guest.
            Ok(_) | Err(QgaError::TimedOut | QgaError::Disconnected) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Freezes the guest's file systems (`guest-fsfreeze-freeze`), so that its disks may be copied;
    /// returns how many. They are thawed by [`Self::thaw`], and after `limit` without it.
    ///
    /// # Errors
    /// When no agent is connected, the response is late or invalid, or the agent returns an error;
    /// then nothing stays frozen.
    pub fn freeze(&self, limit: Duration) -> Result<u64, QgaError> {
        let mut session = self.session.lock();
        let begun = Instant::now();
        self.thaw_timer.thaw_at(begun + limit).map_err(|_| QgaError::NoThread)?;
        let response = session.execute("guest-fsfreeze-freeze", None, FREEZE_TIMEOUT);
        let count = response.and_then(|value| responses::count(&value));
        match &count {
            Ok(_) => {}
            Err(QgaError::NotConnected) => self.thaw_timer.cancel(),
            // The guest may be frozen all the same. An agent that refused has thawed what it froze, but
            // nothing is lost by making sure.
            Err(_) => drop(self.thaw_timer.thaw_at(begun)),
        }
        count
    }

    /// Thaws the guest's file systems (`guest-fsfreeze-thaw`); returns how many were frozen.
    ///
    /// # Errors
    /// When no agent is connected, the response is late or invalid, or the agent returns an error. What
    /// [`Self::freeze`] froze is then still thawed in the background.
    pub fn thaw(&self) -> Result<u64, QgaError> {
        let count = freeze::thaw(&mut self.session.lock())?;
        self.thaw_timer.cancel();
        Ok(count)
    }

    /// Whether the guest's file systems are frozen, as its agent says (`guest-fsfreeze-status`).
    ///
    /// # Errors
    /// When no agent is connected or its response is late or invalid.
    pub fn is_frozen(&self) -> Result<bool, QgaError> {
        let response = self.session.lock().execute("guest-fsfreeze-status", None, RESPONSE_TIMEOUT)?;
        responses::is_frozen(&response)
    }

    /// Facts of the guest: operating system, host name, network interfaces and file systems. A command
    /// that the agent does not support leaves its facts empty.
    ///
    /// # Errors
    /// When no agent is connected or a response is late or invalid.
    pub fn facts(&self) -> Result<GuestFacts, QgaError> {
        let mut session = self.session.lock();
        let mut execute = |command| session.execute(command, None, RESPONSE_TIMEOUT);
        let mut facts = GuestFacts::default();
        responses::operating_system(&execute("guest-get-osinfo"), &mut facts)?;
        responses::host_name(&execute("guest-get-host-name"), &mut facts)?;
        responses::interfaces(&execute("guest-network-get-interfaces"), &mut facts)?;
        responses::file_systems(&execute("guest-get-fsinfo"), &mut facts)?;
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
