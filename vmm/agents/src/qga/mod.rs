//! qemu-guest-agent: a program in the guest that does as it is told, one command at a time
//! (QEMU's "Guest Agent Protocol Reference").

mod freeze;
mod responses;
mod session;

use crate::lock;
use crate::port::HostPort;
use freeze::ThawTimer;
use oriel_vmm_api::GuestFacts;
use session::QgaSession;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use session::QgaError;

/// An agent that lives answers a command in milliseconds; on a host under load in a second.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// File systems may have much to write before they stand still.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(8);
/// A shutdown is only answered when it was refused, and then at once.
const SHUTDOWN_ERROR_TIMEOUT: Duration = Duration::from_secs(1);

/// The way in which a guest is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// PortOpenState off.
    PowerDown,
    /// Start anew.
    Reboot,
}

/// The guest agent of one machine. Calls block for some seconds at most, one after the other.
pub struct GuestAgent {
    session: Arc<Mutex<QgaSession>>,
    thaw_timer: ThawTimer,
}

impl GuestAgent {
    /// Speaks with whatever agent opens `port`.
    pub fn new(port: HostPort) -> Self {
        let session = Arc::new(Mutex::new(QgaSession::new(port)));
        Self { thaw_timer: ThawTimer::new(session.clone()), session }
    }

    /// Whether an agent has the port open; it may still be deaf.
    pub fn is_connected(&self) -> bool {
        // Whoever holds the lock speaks with it.
        self.session.try_lock().map_or(true, |session| session.is_connected())
    }

    /// Whether the agent answers.
    ///
    /// # Errors
    /// When there is none or it does not answer as agreed.
    pub fn ping(&self) -> Result<(), QgaError> {
        lock(&self.session).execute("guest-ping", None, RESPONSE_TIMEOUT).map(drop)
    }

    /// The agent's version and the commands that it can be given.
    ///
    /// # Errors
    /// When there is none or it does not answer as agreed.
    pub fn info(&self) -> Result<(String, Vec<String>), QgaError> {
        responses::info(lock(&self.session).execute("guest-info", None, RESPONSE_TIMEOUT)?)
    }

    /// Has the guest shut down as if a person at it had said so. Returns once the agent has taken
    /// the order; the guest then takes its time.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses.
    pub fn shut_down(&self, how: ShutdownMode) -> Result<(), QgaError> {
        let mode = match how {
            ShutdownMode::PowerDown => "powerdown",
            ShutdownMode::Reboot => "reboot",
        };
        let arguments = serde_json::json!({ "mode": mode });
        match lock(&self.session).execute("guest-shutdown", Some(arguments), SHUTDOWN_ERROR_TIMEOUT) {
            // Silence is consent, and so is an agent that goes with its guest.
            Ok(_) | Err(QgaError::TimedOut | QgaError::Disconnected) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Brings the guest's file systems to rest, so that its disks may be copied; returns how many
    /// there are. They are thawed by [`Self::thaw`], and after `limit` by themselves: a guest is
    /// never left frozen, not even when it is not known whether it is.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses; then nothing stays frozen.
    pub fn freeze(&self, limit: Duration) -> Result<u64, QgaError> {
        let mut session = lock(&self.session);
        let begun = Instant::now();
        self.thaw_timer.thaw_at(begun + limit).map_err(|_| QgaError::NoThread)?;
        let answer = session.execute("guest-fsfreeze-freeze", None, FREEZE_TIMEOUT);
        let count = answer.and_then(|value| responses::count(&value));
        match &count {
            Ok(_) => {}
            Err(QgaError::NotConnected) => self.thaw_timer.cancel(),
            // It may be frozen for all we know. An agent that refused has thawed what it froze, but
            // nothing is lost by making sure.
            Err(_) => drop(self.thaw_timer.thaw_at(begun)),
        }
        count
    }

    /// Thaws the guest's file systems; returns how many were frozen.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses; if they were frozen by
    /// [`Self::freeze`], it goes on trying.
    pub fn thaw(&self) -> Result<u64, QgaError> {
        let count = freeze::thaw(&mut lock(&self.session))?;
        self.thaw_timer.cancel();
        Ok(count)
    }

    /// Whether the guest's file systems are frozen, by its own account.
    ///
    /// # Errors
    /// When there is no agent or it does not answer as agreed.
    pub fn is_frozen(&self) -> Result<bool, QgaError> {
        let answer = lock(&self.session).execute("guest-fsfreeze-status", None, RESPONSE_TIMEOUT)?;
        responses::is_frozen(&answer)
    }

    /// What the guest says of itself. What its agent does not know is left empty.
    ///
    /// # Errors
    /// When there is no agent or it does not answer at all.
    pub fn facts(&self) -> Result<GuestFacts, QgaError> {
        let mut session = lock(&self.session);
        let mut facts = GuestFacts::default();
        responses::operating_system(
            &session.execute("guest-get-osinfo", None, RESPONSE_TIMEOUT),
            &mut facts,
        )?;
        responses::host_name(&session.execute("guest-get-host-name", None, RESPONSE_TIMEOUT), &mut facts)?;
        responses::interfaces(
            &session.execute("guest-network-get-interfaces", None, RESPONSE_TIMEOUT),
            &mut facts,
        )?;
        responses::file_systems(&session.execute("guest-get-fsinfo", None, RESPONSE_TIMEOUT), &mut facts)?;
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
