//! State machine of spice-vdagent's protocol, without input and output.

use crate::spice::chunks::{ChunkReader, ChunkWriter, Incoming};
use crate::spice::clipboard::Clipboard;
use crate::spice::files::Files;
use crate::spice::types::{
    AgentEvent, AgentFeatures, ClipboardType, FileXferEvent, MAX_CLIPBOARD_BYTES, MonConfig,
};
use crate::spice::wire::{self, Capabilities, message};
use std::time::Instant;

/// Session with the guest's agents, sequentially, over one port.
#[derive(Debug)]
pub struct VdAgentSession {
    /// Whether an agent has the port open.
    open: bool,
    reader: ChunkReader,
    writer: ChunkWriter,
    /// Capabilities of the agent, once announced.
    agent: Option<Capabilities>,
    /// Whether the host's capabilities are to be announced; true inside requests the agent's capabilities.
    announce_due: Option<bool>,
    /// Whether the limit of clipboard contents is to be sent.
    max_clipboard_due: bool,
    /// Layout of the monitors as last set; kept when the agent disconnects.
    monitors: Vec<MonConfig>,
    /// Whether the layout is to be sent.
    monitors_due: bool,
    clipboard: Clipboard,
    files: Files,
    features: AgentFeatures,
    events: Vec<AgentEvent>,
    /// Number of refused messages: malformed, too long, or in an unsynchronised stream.
    refused_messages: u64,
}

impl VdAgentSession {
    /// Creates a session of a closed port.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            open: false,
            reader: ChunkReader::new(),
            writer: ChunkWriter::default(),
            agent: None,
            announce_due: None,
            max_clipboard_due: false,
            monitors: Vec::new(),
            monitors_due: false,
            clipboard: Clipboard::default(),
            files: Files::default(),
            features: AgentFeatures::default(),
            events: Vec::new(),
            refused_messages: 0,
        }
    }

    /// Starts serving an agent, which has opened the port.
    pub fn opened(&mut self) {
        self.open = true;
        self.announce_due = Some(true);
    }

    /// Resets the session after the agent closed the port.
    pub fn closed(&mut self) {
        self.open = false;
        self.reader = ChunkReader::new();
        self.writer = ChunkWriter::default();
        self.agent_disconnected();
    }

    /// Whether an agent is connected and has announced its capabilities.
    pub fn is_connected(&self) -> bool {
        self.agent.is_some()
    }

    /// Number of refused messages: malformed, too long, or in an unsynchronised stream.
    pub fn refused_messages(&self) -> u64 {
        self.refused_messages
    }

    /// Grabs or releases the clipboard for the host; see [`crate::spice::SpiceAgent::grab_clipboard`].
    pub fn grab_clipboard(&mut self, types: &[ClipboardType]) {
        self.clipboard.grab(types, &mut self.events);
    }

    /// Requests the guest's clipboard contents; see [`crate::spice::SpiceAgent::request_clipboard`].
    pub fn request_clipboard(&mut self, clipboard_type: ClipboardType, now: Instant) {
        self.clipboard.request(clipboard_type, now, &mut self.events);
    }

    /// Answers the guest's clipboard request; see [`crate::spice::SpiceAgent::send_clipboard`].
    pub fn send_clipboard(&mut self, clipboard_type: ClipboardType, contents: Option<Vec<u8>>) {
        self.clipboard.send(clipboard_type, contents);
    }

    /// Sets the monitor layout; see [`crate::spice::SpiceAgent::set_monitors_config`].
    pub fn set_monitors_config(&mut self, monitors: &[MonConfig]) {
        self.monitors_due |= self.monitors != monitors && !monitors.is_empty();
        self.monitors = monitors.to_vec();
    }

    /// Starts the transfer of a file; see [`crate::spice::SpiceAgent::start_file`].
    pub fn start_file(&mut self, id: u32, name: &str, size: u64) {
        if self.features.file_xfer {
            self.files.start(id, name, size);
        } else {
            let text = "This desktop accepts no files now: its agent is not connected or refuses files.";
            self.events.push(AgentEvent::FileXfer(id, FileXferEvent::Failed(text.to_owned())));
        }
    }

    /// Appends bytes to a file; see [`crate::spice::SpiceAgent::file_data`].
    pub fn file_data(&mut self, id: u32, bytes: &[u8]) {
        self.files.data(id, bytes);
    }

    /// Cancels the transfer of a file; see [`crate::spice::SpiceAgent::cancel_file`].
    pub fn cancel_file(&mut self, id: u32) {
        self.files.cancel(id);
    }

    /// Time at which [`Self::tick`] is due; `None` without a pending request.
    pub fn deadline(&self) -> Option<Instant> {
        self.clipboard.deadline()
    }

    /// Ends requests that have timed out by `now`.
    pub fn tick(&mut self, now: Instant) {
        self.clipboard.tick(now, &mut self.events);
    }

    /// Takes the events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<AgentEvent> {
        std::mem::take(&mut self.events)
    }

    /// Processes bytes from the guest.
    pub fn received(&mut self, bytes: &[u8], now: Instant) {
        self.clipboard.extend_deadline(now);
        let (was_out_of_sync, max_contents) = (self.reader.is_out_of_sync(), self.clipboard.max_incoming());
        let mut all = Vec::new();
        self.reader.push(bytes, max_contents, |incoming| all.push(incoming));
        for incoming in all {
            match incoming {
                Incoming::Message(message_type, body) => {
                    if self.handle(message_type, body, now).is_none() {
                        oriel_vmm_api::log_limited!(
                            debug,
                            message_type,
                            "refused a malformed message of the guest's desktop agent"
                        );
                        self.refused_messages += 1;
                    }
                }
                Incoming::TooLong(message_type) => {
                    self.refused_messages += 1;
                    if message_type == message::CLIPBOARD {
                        self.clipboard.too_long(&mut self.events);
                    }
                }
            }
        }
        if self.reader.is_out_of_sync() && !was_out_of_sync {
            oriel_vmm_api::log_limited!(
                warn,
                "the guest's desktop agent breaks the SPICE protocol; it is ignored until it restarts"
            );
            self.refused_messages += 1;
            self.agent_disconnected();
        }
    }

    /// Bytes to write to the guest next; empty if there are none.
    pub fn pending(&mut self) -> &[u8] {
        if self.open
            && self.writer.is_idle()
            && let Some((message_type, head, tail)) = self.next_message()
        {
            self.writer.begin(message_type, &head, tail);
        }
        self.writer.pending()
    }

    /// Removes the first `count` pending bytes, which were written.
    pub fn sent(&mut self, count: usize) {
        self.writer.sent(count);
    }

    /// Returns the next message to the agent: type, beginning of the body, rest of the body.
    fn next_message(&mut self) -> Option<(u32, Vec<u8>, Vec<u8>)> {
        if let Some(request) = self.announce_due.take() {
            let body = wire::announce(request, Capabilities::HOST);
            return Some((message::ANNOUNCE_CAPABILITIES, body, Vec::new()));
        }
        let capabilities = self.agent?;
        if std::mem::take(&mut self.max_clipboard_due) && capabilities.has(Capabilities::MAX_CLIPBOARD) {
            let most = i32::try_from(MAX_CLIPBOARD_BYTES).unwrap_or(i32::MAX);
            return Some((message::MAX_CLIPBOARD, most.to_le_bytes().to_vec(), Vec::new()));
        }
        if self.features.monitors_config && std::mem::take(&mut self.monitors_due) {
            return Some((message::MONITORS_CONFIG, self.monitors_config(capabilities), Vec::new()));
        }
        let clipboard = self.features.clipboard.then(|| self.clipboard.next_message(capabilities));
        clipboard.flatten().or_else(|| self.files.next_message(&mut self.events))
    }

    /// Returns the body of MONITORS_CONFIG, without monitors that are off for agents that require it.
    fn monitors_config(&self, capabilities: Capabilities) -> Vec<u8> {
        if capabilities.has(Capabilities::SPARSE_MONITORS_CONFIG) {
            return wire::monitors_config(&self.monitors);
        }
        let on = self.monitors.iter().filter(|monitor| monitor.width > 0 && monitor.height > 0);
        wire::monitors_config(&on.copied().collect::<Vec<_>>())
    }

    /// Processes one message of the agent; `None` if the message is malformed.
    fn handle(&mut self, message_type: u32, body: Vec<u8>, now: Instant) -> Option<()> {
        if message_type == message::ANNOUNCE_CAPABILITIES {
            let (request, capabilities) = wire::parse_announcement(&body)?;
            self.announced(request, capabilities);
            return Some(());
        }
        let Some(capabilities) = self.agent else { return Some(()) };
        match message_type {
            message::CLIPBOARD
            | message::CLIPBOARD_GRAB
            | message::CLIPBOARD_REQUEST
            | message::CLIPBOARD_RELEASE => {
                self.clipboard.receive(message_type, body, capabilities, now, &mut self.events)
            }
            message::FILE_XFER_STATUS => self.files.receive(&body, &mut self.events),
            message::REPLY => {
                let (to, result) = wire::u32_pair(&body)?;
                if to == message::MONITORS_CONFIG {
                    self.events
                        .push(AgentEvent::MonitorsConfigReply { success: result == wire::REPLY_SUCCESS });
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    /// Records the agent's capabilities. An announcement that requests the host's capabilities is the first
    /// of a new agent, even where the port was open before, so earlier state is reset.
    fn announced(&mut self, request: bool, capabilities: Capabilities) {
        if request {
            self.announce_due = Some(false);
            if self.agent.is_some() {
                self.agent_disconnected();
            }
        }
        if self.agent.is_none() {
            self.max_clipboard_due = true;
            self.monitors_due = !self.monitors.is_empty();
            self.clipboard.agent_connected();
        }
        self.agent = Some(capabilities);
        self.update_features();
    }

    /// Ends all that depends on the agent.
    fn agent_disconnected(&mut self) {
        self.agent = None;
        self.clipboard.agent_disconnected(&mut self.events);
        self.files.agent_disconnected(&mut self.events);
        self.update_features();
    }

    /// Derives the features from the agent's capabilities, and reports a change.
    fn update_features(&mut self) {
        let features = self.agent.map_or(AgentFeatures::default(), |capabilities| AgentFeatures {
            clipboard: capabilities.has(Capabilities::CLIPBOARD_BY_DEMAND),
            monitors_config: capabilities.has(Capabilities::MONITORS_CONFIG),
            file_xfer: !capabilities.has(Capabilities::FILE_XFER_DISABLED),
        });
        if self.features != features {
            self.features = features;
            self.events.push(AgentEvent::Features(features));
        }
    }
}

#[cfg(test)]
mod tests;
