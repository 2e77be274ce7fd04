//! qemu-guest-agent client: one command at a time, as the "QEMU Guest Agent Protocol Reference"
//! (`qga/qapi-schema.json`) defines.

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

/// Maximum time for `guest-fsfreeze-freeze`: file systems may have much to write before they freeze.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(8);
/// Time to wait for an error of `guest-shutdown`, which has no response on success.
const SHUTDOWN_ERROR_TIMEOUT: Duration = Duration::from_secs(1);

/// Mode of a shutdown of the guest (`guest-shutdown`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Powers the guest off (`powerdown`).
    PowerDown,
    /// Restarts the guest (`reboot`).
    Reboot,
}

/// Client of one machine's qemu-guest-agent. Calls block for some seconds at most and are serialized.
pub struct GuestAgent {
    session: Arc<Mutex<QgaSession>>,
    thaw_timer: ThawTimer,
}

impl GuestAgent {
    /// Creates a client of the agents that open `port`.
    pub fn new(port: HostPort) -> Self {
        let session = Arc::new(Mutex::new(QgaSession::new(port)));
        Self { thaw_timer: ThawTimer::new(session.clone()), session }
    }

    /// Whether an agent has the port open. [`Self::ping`] checks that the agent also responds.
    pub fn is_connected(&self) -> bool {
        // Another caller that holds the lock is in the middle of a command.
        self.session.try_lock().is_none_or(|session| session.is_connected())
    }

    /// Checks that the agent responds (`guest-ping`).
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, or the response is late or invalid.
    pub fn ping(&self) -> Result<(), QgaError> {
        self.session.lock().execute("guest-ping", None, RESPONSE_TIMEOUT).map(drop)
    }

    /// Returns the agent's version and the names of the enabled commands (`guest-info`).
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, or the response is late or invalid.
    pub fn info(&self) -> Result<(String, Vec<String>), QgaError> {
        responses::info(self.session.lock().execute("guest-info", None, RESPONSE_TIMEOUT)?)
    }

    /// Shuts the guest down through its operating system (`guest-shutdown`). Returns once the agent has
    /// accepted the command; the shutdown itself takes longer.
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, or the agent returns an error.
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

    /// Freezes the guest's file systems (`guest-fsfreeze-freeze`), for a consistent copy of the disks.
    /// Returns the number of frozen file systems. [`Self::thaw`] thaws them, or a timer after `limit`.
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, the response is late or invalid, or the agent returns an
    /// error. File systems that are frozen nevertheless are thawed in the background.
    pub fn freeze(&self, limit: Duration) -> Result<u64, QgaError> {
        let mut session = self.session.lock();
        let begun = Instant::now();
        self.thaw_timer.thaw_at(begun + limit).map_err(|_| QgaError::NoThread)?;
        let response = session.execute("guest-fsfreeze-freeze", None, FREEZE_TIMEOUT);
        let count = response.and_then(|value| responses::count(&value));
        match &count {
            Ok(_) => {}
            Err(QgaError::NotConnected) => self.thaw_timer.cancel(),
            // The file systems may be frozen despite the error; a thaw of thawed ones has no effect.
            Err(_) => drop(self.thaw_timer.thaw_at(begun)),
        }
        count
    }

    /// Thaws the guest's file systems (`guest-fsfreeze-thaw`). Returns the number of file systems that were
    /// frozen.
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, the response is late or invalid, or the agent returns an
    /// error. The timer of [`Self::freeze`] still thaws the file systems then.
    pub fn thaw(&self) -> Result<u64, QgaError> {
        let count = freeze::thaw(&mut self.session.lock())?;
        self.thaw_timer.cancel();
        Ok(count)
    }

    /// Queries whether the guest's file systems are frozen (`guest-fsfreeze-status`).
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, or the response is late or invalid.
    pub fn is_frozen(&self) -> Result<bool, QgaError> {
        let response = self.session.lock().execute("guest-fsfreeze-status", None, RESPONSE_TIMEOUT)?;
        responses::is_frozen(&response)
    }

    /// Queries facts of the guest: operating system, host name, network interfaces and file systems. Facts
    /// whose command the agent does not support stay empty.
    ///
    /// # Errors
    /// A [`QgaError`] when no agent is connected, or a response is late or invalid.
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
