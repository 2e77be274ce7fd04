//! The guest's agents, as the rest of the machine knows them: ports for the machine, the redirection
//! for viewers, and commands.

mod link;

use crate::machine::Refused;
use link::{Link, retell};
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

/// A guest stays frozen for so long at most.
const FREEZE_LIMIT: Duration = Duration::from_secs(30);

/// The port of spice-vdagent.
pub const DESKTOP_PORT: &str = "com.redhat.spice.0";
/// The port of qemu-guest-agent.
pub const GUEST_PORT: &str = "org.qemu.guest_agent.0";
/// The port of oriel-send.
pub const FILES_PORT: &str = "org.oriel.files.0";

/// A port that the machine is to give its guest.
pub struct MachinePort {
    /// By which programs in the guest find it.
    pub name: &'static str,
    /// The machine's end; it does not block.
    pub stream: UnixStream,
    /// To be told what the guest does with the port.
    pub open_state: PortOpenState,
}

/// The agents of one machine. Without ports nobody ever listens.
pub struct Agents {
    redirection: Arc<RedirectionHub>,
    desktop: Option<Arc<SpiceAgent>>,
    files: Option<Arc<GuestFileReceiver>>,
    guest: Option<GuestAgent>,
}

impl Agents {
    /// Agents, and the ports by which the machine lets its guest reach them.
    ///
    /// # Errors
    /// When the host is out of descriptors or threads.
    pub fn of(config: &MachineConfig) -> io::Result<(Self, Vec<MachinePort>)> {
        let redirection = RedirectionHub::new();
        if !config.agents {
            return Ok((Self { redirection, desktop: None, files: None, guest: None }, Vec::new()));
        }
        let (desktop_end, stream, open_state) = port::pair()?;
        let desktop_port = MachinePort { name: DESKTOP_PORT, stream, open_state };
        let (guest_end, stream, open_state) = port::pair()?;
        let guest_port = MachinePort { name: GUEST_PORT, stream, open_state };
        let hears = Arc::downgrade(&redirection);
        let desktop = Arc::new(SpiceAgent::start(desktop_end, move |event| {
            if let Some(redirection) = hears.upgrade() {
                retell(&redirection, event);
            }
        })?);
        let (files_end, stream, open_state) = port::pair()?;
        let files_port = MachinePort { name: FILES_PORT, stream, open_state };
        let hears = Arc::downgrade(&redirection);
        let files = Arc::new(GuestFileReceiver::start(files_end, FILE_CREDIT, move |file, event| {
            if let Some(redirection) = hears.upgrade() {
                redirection.download_event(file, link::download_event(event));
            }
        })?);
        redirection.connect(Arc::new(Link { desktop: desktop.clone(), files: files.clone() }));
        let guest = Some(GuestAgent::new(guest_end));
        let agents = Self { redirection, desktop: Some(desktop), files: Some(files), guest };
        Ok((agents, vec![desktop_port, guest_port, files_port]))
    }

    /// Where viewers meet the guest's clipboard and files.
    pub fn redirection(&self) -> &Arc<RedirectionHub> {
        &self.redirection
    }

    /// Has the guest's desktop lay out its screens as `monitors` wants them; not every desktop does so by
    /// itself when the graphics device offers it other screens.
    pub fn follow(&self, monitors: &Monitors) {
        if let Some(agent) = self.desktop.clone() {
            monitors.on_layout_request(move |screens| agent.set_monitors_config(&link::monitors(screens)));
        }
    }

    /// Who is there.
    pub fn connected(&self) -> ConnectedAgents {
        ConnectedAgents {
            desktop: self.desktop.as_ref().is_some_and(|agent| agent.is_connected()),
            guest: self.guest.as_ref().is_some_and(GuestAgent::is_connected),
        }
    }

    /// Messages of the guest's programs that made no sense.
    pub fn refused_messages(&self) -> u64 {
        let desktop = self.desktop.as_ref().map_or(0, |agent| agent.counters().refused_messages);
        let files = self.files.as_ref().map_or(0, |files| files.refused_messages());
        desktop.saturating_add(files)
    }

    /// Has the guest's agent shut the guest down.
    ///
    /// # Errors
    /// When there is none that would.
    pub fn shut_down(&self) -> Result<(), Refused> {
        self.guest()?.shut_down(ShutdownMode::PowerDown).map_err(refused)
    }

    /// Freezes the guest's file systems, for 30 s at most; how many.
    ///
    /// # Errors
    /// When the guest's agent is not there or would not.
    pub fn freeze(&self) -> Result<u64, Refused> {
        self.guest()?.freeze(FREEZE_LIMIT).map_err(refused)
    }

    /// Thaws them; how many were frozen.
    ///
    /// # Errors
    /// When the guest's agent is not there or would not.
    pub fn thaw(&self) -> Result<u64, Refused> {
        self.guest()?.thaw().map_err(refused)
    }

    /// What the guest says of itself.
    ///
    /// # Errors
    /// When the guest's agent is not there.
    pub fn facts(&self) -> Result<GuestFacts, Refused> {
        self.guest()?.facts().map_err(refused)
    }

    fn guest(&self) -> Result<&GuestAgent, Refused> {
        self.guest.as_ref().ok_or_else(|| refused(QgaError::NotConnected))
    }
}

fn refused(error: QgaError) -> Refused {
    Refused(error.to_string())
}
