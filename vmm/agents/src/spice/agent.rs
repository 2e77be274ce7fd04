//! spice-vdagent session over a port, on a thread of its own.

use super::session::VdAgentSession;
use super::types::{AgentEvent, ClipboardType, MonConfig};
use crate::port::HostPort;
use crate::port_thread::{PortSession, PortThread};
use std::io;
use std::time::Instant;

/// Host side of one machine's spice-vdagent. No call blocks; results are [`AgentEvent`]s.
pub struct SpiceAgent(PortThread<VdAgentSession>);

/// Counters of a [`SpiceAgent`] since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Messages from the guest that were refused: malformed, too long, or in an unsynchronised stream.
    pub refused_messages: u64,
}

impl SpiceAgent {
    /// Serves the agents that open `port`, on a new thread. `on_event` is called for every event on that
    /// thread, and may call methods of this value.
    ///
    /// # Errors
    /// When the thread cannot be created.
    pub fn start(port: HostPort, on_event: impl FnMut(AgentEvent) + Send + 'static) -> io::Result<Self> {
        Ok(Self(PortThread::start("spice-agent", port, VdAgentSession::new(), on_event)?))
    }

    /// Whether an agent is connected and has announced its capabilities.
    pub fn is_connected(&self) -> bool {
        self.0.session().is_connected()
    }

    /// Announces the types of the host's clipboard (`CLIPBOARD_GRAB`); empty `types` release the clipboard
    /// (`CLIPBOARD_RELEASE`). Each agent that connects gets the announcement, until the guest grabs the
    /// clipboard.
    pub fn grab_clipboard(&self, types: &[ClipboardType]) {
        self.0.with(|session| session.grab_clipboard(types));
    }

    /// Requests the guest's clipboard contents of a type (`CLIPBOARD_REQUEST`), one request at a time.
    /// [`AgentEvent::ClipboardData`] is the answer.
    pub fn request_clipboard(&self, clipboard_type: ClipboardType) {
        self.0.with(|session| session.request_clipboard(clipboard_type, Instant::now()));
    }

    /// Answers [`AgentEvent::ClipboardRequest`] with contents; `None` if the host has none, or more than
    /// [`super::MAX_CLIPBOARD_BYTES`].
    pub fn send_clipboard(&self, clipboard_type: ClipboardType, contents: Option<Vec<u8>>) {
        self.0.with(|session| session.send_clipboard(clipboard_type, contents));
    }

    /// Sets the layout of the guest's monitors (`MONITORS_CONFIG`), also for agents that connect later.
    pub fn set_monitors_config(&self, monitors: &[MonConfig]) {
        self.0.with(|session| session.set_monitors_config(monitors));
    }

    /// Starts the transfer of a file of `size` bytes under the number `id`, which must be new. `name` is one
    /// line without folders and backslashes.
    pub fn start_file(&self, id: u32, name: &str, size: u64) {
        self.0.with(|session| session.start_file(id, name, size));
    }

    /// Appends bytes to a file. The bytes are kept in memory until they are sent; the caller limits them by
    /// [`super::FileXferEvent::Sent`].
    pub fn file_data(&self, id: u32, bytes: &[u8]) {
        self.0.with(|session| session.file_data(id, bytes));
    }

    /// Cancels the transfer of a file; no more bytes are sent and no more events are reported.
    pub fn cancel_file(&self, id: u32) {
        self.0.with(|session| session.cancel_file(id));
    }

    /// Returns the current values of the counters.
    pub fn counters(&self) -> Counters {
        Counters { refused_messages: self.0.session().refused_messages() }
    }
}

impl PortSession for VdAgentSession {
    type Event = AgentEvent;

    const READ_BYTES: usize = 64 * 1024;

    /// An agent announces itself only once, right after it has opened the port.
    const READS_WHILE_CLOSED: bool = true;

    fn opened(&mut self) {
        self.opened();
    }

    fn closed(&mut self) {
        self.closed();
    }

    fn received(&mut self, bytes: &[u8], now: Instant) {
        self.received(bytes, now);
    }

    fn pending(&mut self) -> &[u8] {
        self.pending()
    }

    fn sent(&mut self, count: usize) {
        self.sent(count);
    }

    fn tick(&mut self, now: Instant) {
        self.tick(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn take_events(&mut self) -> Vec<AgentEvent> {
        self.take_events()
    }
}
