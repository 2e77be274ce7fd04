//! Agents in the guest, as the rest of the machine uses them.
//!
//! [`Agents`] creates the console ports of spice-vdagent, qemu-guest-agent and oriel-send, joins clipboard
//! and files to the viewers' [`RedirectionHub`], and sends commands such as freeze. The protocols themselves
//! are `oriel-agents`'.

mod link;

use crate::machine::refused::Refused;
use link::{Link, forward_event};
use oriel_agents::port::{self, PortOpenState};
use oriel_agents::qga::{GuestAgent, QgaError, ShutdownMode};
use oriel_agents::send::GuestFileReceiver;
use oriel_agents::spice::SpiceAgent;
use oriel_display::{Monitors, RedirectionHub};
use oriel_vmm_api::{ConnectedAgents, GuestFacts, MachineConfig};
use oriel_wire::FILE_CREDIT;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// Maximum time for which the guest's file systems stay frozen.
const FREEZE_LIMIT: Duration = Duration::from_secs(30);

/// Name of the console port of spice-vdagent.
pub const DESKTOP_PORT: &str = "com.redhat.spice.0";
/// Name of the console port of qemu-guest-agent.
pub const GUEST_PORT: &str = "org.qemu.guest_agent.0";
/// Name of the console port of oriel-send.
pub const FILES_PORT: &str = "org.oriel.files.0";

/// Console port that the machine offers to the guest for one agent.
pub struct MachinePort {
    /// Name by which programs in the guest find the port.
    pub name: &'static str,
    /// Machine's end of the byte stream to the agent's protocol; it does not block.
    pub stream: UnixStream,
    /// Handle by which the machine reports that the guest opens or closes the port.
    pub open_state: PortOpenState,
}

/// Host's side of the agents of one machine. If the configuration disables agents, none ever connects.
pub struct Agents {
    redirection: Arc<RedirectionHub>,
    desktop: Option<Arc<SpiceAgent>>,
    files: Option<Arc<GuestFileReceiver>>,
    guest: Option<GuestAgent>,
}

impl Agents {
    /// Creates the agents' protocols and their console ports for the machine: three, or none if `config`
    /// disables agents.
    ///
    /// # Errors
    /// An error of the system when the host is out of descriptors or threads.
    pub fn of(config: &MachineConfig) -> io::Result<(Self, Vec<MachinePort>)> {
        let redirection = RedirectionHub::new();
        if !config.agents {
            return Ok((Self { redirection, desktop: None, files: None, guest: None }, Vec::new()));
        }
        let (desktop_end, stream, open_state) = port::pair()?;
        let desktop_port = MachinePort { name: DESKTOP_PORT, stream, open_state };
        let (guest_end, stream, open_state) = port::pair()?;
        let guest_port = MachinePort { name: GUEST_PORT, stream, open_state };
        let weak_hub = Arc::downgrade(&redirection);
        let desktop = Arc::new(SpiceAgent::start(desktop_end, move |event| {
            if let Some(redirection) = weak_hub.upgrade() {
                forward_event(&redirection, event);
            }
        })?);
        let (files_end, stream, open_state) = port::pair()?;
        let files_port = MachinePort { name: FILES_PORT, stream, open_state };
        let weak_hub = Arc::downgrade(&redirection);
        let files = Arc::new(GuestFileReceiver::start(files_end, FILE_CREDIT, move |file, event| {
            if let Some(redirection) = weak_hub.upgrade() {
                redirection.download_event(file, link::download_event(event));
            }
        })?);
        redirection.connect(Arc::new(Link { desktop: desktop.clone(), files: files.clone() }));
        let guest = Some(GuestAgent::new(guest_end));
        let agents = Self { redirection, desktop: Some(desktop), files: Some(files), guest };
        Ok((agents, vec![desktop_port, guest_port, files_port]))
    }

    /// Returns the hub between the viewers and the guest's clipboard and files.
    pub fn redirection(&self) -> &Arc<RedirectionHub> {
        &self.redirection
    }

    /// Forwards each layout request of `monitors` to spice-vdagent. Not every desktop follows by itself when
    /// the graphics device offers other screens.
    pub fn follow(&self, monitors: &Monitors) {
        if let Some(agent) = self.desktop.clone() {
            monitors.on_layout_request(move |screens| agent.set_monitors_config(&link::monitors(screens)));
        }
    }

    /// Returns which agents are connected.
    pub fn connected(&self) -> ConnectedAgents {
        ConnectedAgents {
            desktop: self.desktop.as_ref().is_some_and(|agent| agent.is_connected()),
            guest: self.guest.as_ref().is_some_and(GuestAgent::is_connected),
        }
    }

    /// Returns the number of invalid messages that spice-vdagent and oriel-send have sent.
    pub fn refused_messages(&self) -> u64 {
        let desktop = self.desktop.as_ref().map_or(0, |agent| agent.counters().refused_messages);
        let files = self.files.as_ref().map_or(0, |files| files.refused_messages());
        desktop.saturating_add(files)
    }

    /// Requests a clean shutdown from qemu-guest-agent.
    ///
    /// # Errors
    /// A [`Refused`] when the agent is not connected or refuses.
    pub fn shut_down(&self) -> Result<(), Refused> {
        self.guest()?.shut_down(ShutdownMode::PowerDown).map_err(refused)
    }

    /// Freezes the guest's file systems for at most 30 s, and returns the number of frozen file systems.
    ///
    /// # Errors
    /// A [`Refused`] when qemu-guest-agent is not connected or refuses.
    pub fn freeze(&self) -> Result<u64, Refused> {
        self.guest()?.freeze(FREEZE_LIMIT).map_err(refused)
    }

    /// Thaws the guest's file systems, and returns the number that were frozen.
    ///
    /// # Errors
    /// A [`Refused`] when qemu-guest-agent is not connected or refuses.
    pub fn thaw(&self) -> Result<u64, Refused> {
        self.guest()?.thaw().map_err(refused)
    }

    /// Requests facts about the guest, such as its operating system, from qemu-guest-agent.
    ///
    /// # Errors
    /// A [`Refused`] when the agent is not connected or does not answer.
    pub fn facts(&self) -> Result<GuestFacts, Refused> {
        self.guest()?.facts().map_err(refused)
    }

    /// Returns the connection to qemu-guest-agent, or the refusal of a machine without agents.
    fn guest(&self) -> Result<&GuestAgent, Refused> {
        self.guest.as_ref().ok_or_else(|| refused(QgaError::NotConnected))
    }
}

fn refused(error: QgaError) -> Refused {
    Refused(error.to_string())
}
