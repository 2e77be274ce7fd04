//! qemu-guest-agent: a program in the guest that does as it is told, one command at a time
//! (QEMU's "Guest Agent Protocol Reference").

mod answers;
mod conversation;
mod freeze;

use crate::lock;
use crate::port::PortEnd;
use conversation::Conversation;
use freeze::Thawer;
use oriel_vmm_api::GuestFacts;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use conversation::AgentError;

/// An agent that lives answers a command in milliseconds; on a host under load in a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// File systems may have much to write before they stand still.
const FREEZE_PATIENCE: Duration = Duration::from_secs(8);
/// A shutdown is only answered when it was refused, and then at once.
const REFUSAL: Duration = Duration::from_secs(1);

/// The way in which a guest is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Switch off.
    PowerDown,
    /// Start anew.
    Reboot,
}

/// The guest agent of one machine. Calls block for some seconds at most, one after the other.
pub struct GuestAgent {
    conversation: Arc<Mutex<Conversation>>,
    thawer: Thawer,
}

impl GuestAgent {
    /// Speaks with whatever agent opens `port`.
    pub fn new(port: PortEnd) -> Self {
        let conversation = Arc::new(Mutex::new(Conversation::new(port)));
        Self { thawer: Thawer::new(conversation.clone()), conversation }
    }

    /// Whether an agent has the port open; it may still be deaf.
    pub fn is_connected(&self) -> bool {
        // Whoever holds the lock speaks with it.
        self.conversation.try_lock().map_or(true, |conversation| conversation.is_connected())
    }

    /// Whether the agent answers.
    ///
    /// # Errors
    /// When there is none or it does not answer as agreed.
    pub fn ping(&self) -> Result<(), AgentError> {
        lock(&self.conversation).ask("guest-ping", None, PATIENCE).map(drop)
    }

    /// The agent's version and the commands that it can be given.
    ///
    /// # Errors
    /// When there is none or it does not answer as agreed.
    pub fn info(&self) -> Result<(String, Vec<String>), AgentError> {
        answers::info(lock(&self.conversation).ask("guest-info", None, PATIENCE)?)
    }

    /// Has the guest shut down as if a person at it had said so. Returns once the agent has taken
    /// the order; the guest then takes its time.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses.
    pub fn shut_down(&self, how: Shutdown) -> Result<(), AgentError> {
        let mode = match how {
            Shutdown::PowerDown => "powerdown",
            Shutdown::Reboot => "reboot",
        };
        let arguments = serde_json::json!({ "mode": mode });
        match lock(&self.conversation).ask("guest-shutdown", Some(arguments), REFUSAL) {
            // Silence is consent, and so is an agent that goes with its guest.
            Ok(_) | Err(AgentError::Silent | AgentError::Left) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Brings the guest's file systems to rest, so that its disks may be copied; returns how many
    /// there are. They are thawed by [`Self::thaw`], and after `limit` by themselves: a guest is
    /// never left frozen, not even when it is not known whether it is.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses; then nothing stays frozen.
    pub fn freeze(&self, limit: Duration) -> Result<u64, AgentError> {
        let mut conversation = lock(&self.conversation);
        let begun = Instant::now();
        self.thawer.thaw_at(begun + limit).map_err(|_| AgentError::NoThread)?;
        let answer = conversation.ask("guest-fsfreeze-freeze", None, FREEZE_PATIENCE);
        let count = answer.and_then(|value| answers::count(&value));
        match &count {
            Ok(_) => {}
            Err(AgentError::NotConnected) => self.thawer.rest(),
            // It may be frozen for all we know. An agent that refused has thawed what it froze, but
            // nothing is lost by making sure.
            Err(_) => drop(self.thawer.thaw_at(begun)),
        }
        count
    }

    /// Thaws the guest's file systems; returns how many were frozen.
    ///
    /// # Errors
    /// When there is no agent, it does not answer, or it refuses; if they were frozen by
    /// [`Self::freeze`], it goes on trying.
    pub fn thaw(&self) -> Result<u64, AgentError> {
        let count = freeze::thaw(&mut lock(&self.conversation))?;
        self.thawer.rest();
        Ok(count)
    }

    /// Whether the guest's file systems are frozen, by its own account.
    ///
    /// # Errors
    /// When there is no agent or it does not answer as agreed.
    pub fn is_frozen(&self) -> Result<bool, AgentError> {
        let answer = lock(&self.conversation).ask("guest-fsfreeze-status", None, PATIENCE)?;
        answers::is_frozen(&answer)
    }

    /// What the guest says of itself. What its agent does not know is left empty.
    ///
    /// # Errors
    /// When there is no agent or it does not answer at all.
    pub fn facts(&self) -> Result<GuestFacts, AgentError> {
        let mut conversation = lock(&self.conversation);
        let mut facts = GuestFacts::default();
        answers::operating_system(&conversation.ask("guest-get-osinfo", None, PATIENCE), &mut facts)?;
        answers::host_name(&conversation.ask("guest-get-host-name", None, PATIENCE), &mut facts)?;
        answers::interfaces(&conversation.ask("guest-network-get-interfaces", None, PATIENCE), &mut facts)?;
        answers::file_systems(&conversation.ask("guest-get-fsinfo", None, PATIENCE), &mut facts)?;
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
