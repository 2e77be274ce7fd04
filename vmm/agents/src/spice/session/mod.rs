//! What is said and heard, without a port: bytes in, bytes and news out.

use super::chunks::{ChunkReader, ChunkWriter, Incoming};
use super::clipboard::Clipboard;
use super::files::Files;
use super::wire::{self, Capabilities, message};
use super::{AgentEvent, AgentFeatures, ClipboardType, MAX_CLIPBOARD_BYTES, MonConfig};
use std::time::Instant;

/// Both sides of the conversation with whatever agent there is, one after the other.
#[derive(Debug)]
pub struct VdAgentSession {
    /// An agent has the port open.
    open: bool,
    reader: ChunkReader,
    writer: ChunkWriter,
    /// The agent's capabilities, once it has told them.
    theirs: Option<Capabilities>,
    /// Ours are to be announced, asking for theirs or not.
    announce: Option<bool>,
    max_clipboard_due: bool,
    /// The layout wanted; it outlives the agent.
    monitors: Vec<MonConfig>,
    monitors_due: bool,
    clipboard: Clipboard,
    files: Files,
    features: AgentFeatures,
    events: Vec<AgentEvent>,
    /// Messages that were malformed, too long, or made no sense.
    refused: u64,
}

impl VdAgentSession {
    /// Nobody is there yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            open: false,
            reader: ChunkReader::new(),
            writer: ChunkWriter::default(),
            theirs: None,
            announce: None,
            max_clipboard_due: false,
            monitors: Vec::new(),
            monitors_due: false,
            clipboard: Clipboard::default(),
            files: Files::default(),
            features: AgentFeatures::default(),
            events: Vec::new(),
            refused: 0,
        }
    }

    /// An agent opened the port.
    pub fn opened(&mut self) {
        self.open = true;
        self.announce = Some(true);
    }

    /// The agent closed it.
    pub fn closed(&mut self) {
        self.open = false;
        self.reader = ChunkReader::new();
        self.writer = ChunkWriter::default();
        self.agent_disconnected();
    }

    /// Whether an agent is there that said what it can.
    pub fn is_connected(&self) -> bool {
        self.theirs.is_some()
    }

    /// Messages that were malformed, too long, or made no sense.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// As [`super::SpiceAgent::grab_clipboard`].
    pub fn grab_clipboard(&mut self, kinds: &[ClipboardType]) {
        self.clipboard.offer(kinds, &mut self.events);
    }

    /// As [`super::SpiceAgent::request_clipboard`].
    pub fn request_clipboard(&mut self, kind: ClipboardType, now: Instant) {
        self.clipboard.request(kind, now, &mut self.events);
    }

    /// As [`super::SpiceAgent::send_clipboard`].
    pub fn send_clipboard(&mut self, kind: ClipboardType, contents: Option<Vec<u8>>) {
        self.clipboard.provide(kind, contents);
    }

    /// As [`super::SpiceAgent::set_monitors_config`].
    pub fn set_monitors_config(&mut self, monitors: &[MonConfig]) {
        self.monitors_due |= self.monitors != monitors && !monitors.is_empty();
        self.monitors = monitors.to_vec();
    }

    /// As [`super::SpiceAgent::start_file`].
    pub fn start_file(&mut self, id: u32, name: &str, size: u64) {
        if self.features.file_xfer {
            self.files.start(id, name, size);
        } else {
            let text = "This desktop takes no files now: its agent is not there or does not want any.";
            self.events.push(AgentEvent::FileXfer(id, super::FileXferEvent::Failed(text.to_owned())));
        }
    }

    /// As [`super::SpiceAgent::file_data`].
    pub fn file_data(&mut self, id: u32, bytes: &[u8]) {
        self.files.data(id, bytes);
    }

    /// As [`super::SpiceAgent::cancel_file`].
    pub fn cancel_file(&mut self, id: u32) {
        self.files.cancel(id);
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.clipboard.deadline()
    }

    /// Gives up what has waited for too long.
    pub fn tick(&mut self, now: Instant) {
        self.clipboard.tick(now, &mut self.events);
    }

    /// What came of all that since the last call.
    pub fn take_events(&mut self) -> Vec<AgentEvent> {
        std::mem::take(&mut self.events)
    }

    /// Bytes came from the guest.
    pub fn received(&mut self, bytes: &[u8], now: Instant) {
        self.clipboard.extend_deadline(now);
        let (was_out_of_sync, max_contents) = (self.reader.is_out_of_sync(), self.clipboard.max_incoming());
        let mut all = Vec::new();
        self.reader.push(bytes, max_contents, |incoming| all.push(incoming));
        for incoming in all {
            match incoming {
                Incoming::Message(kind, body) => {
                    if self.take(kind, body, now).is_none() {
                        tracing::debug!(kind, "a malformed message from the guest's desktop agent");
                        self.refused += 1;
                    }
                }
                Incoming::TooLong(kind) => {
                    self.refused += 1;
                    if kind == message::CLIPBOARD {
                        self.clipboard.too_long(&mut self.events);
                    }
                }
            }
        }
        if self.reader.is_out_of_sync() && !was_out_of_sync {
            tracing::warn!(
                "the guest's desktop agent sends what makes no sense; it is ignored until it restarts"
            );
            self.refused += 1;
            self.agent_disconnected();
        }
    }

    /// Bytes to be sent next; none if there is nothing to say.
    pub fn pending(&mut self) -> &[u8] {
        if self.open
            && self.writer.is_idle()
            && let Some((kind, head, tail)) = self.next_message()
        {
            self.writer.begin(kind, &head, tail);
        }
        self.writer.pending()
    }

    /// The first `count` of the pending bytes were sent.
    pub fn sent(&mut self, count: usize) {
        self.writer.sent(count);
    }

    fn next_message(&mut self) -> Option<(u32, Vec<u8>, Vec<u8>)> {
        if let Some(request) = self.announce.take() {
            let body = wire::announce(request, Capabilities::HOST);
            return Some((message::ANNOUNCE_CAPABILITIES, body, Vec::new()));
        }
        let theirs = self.theirs?;
        if std::mem::take(&mut self.max_clipboard_due) && theirs.has(Capabilities::MAX_CLIPBOARD) {
            let most = i32::try_from(MAX_CLIPBOARD_BYTES).unwrap_or(i32::MAX);
            return Some((message::MAX_CLIPBOARD, most.to_le_bytes().to_vec(), Vec::new()));
        }
        if self.features.monitors_config && std::mem::take(&mut self.monitors_due) {
            return Some((message::MONITORS_CONFIG, self.monitors_config(theirs), Vec::new()));
        }
        let clipboard = self.features.clipboard.then(|| self.clipboard.next_message(theirs));
        clipboard.flatten().or_else(|| self.files.next_message(&mut self.events))
    }

    fn monitors_config(&self, theirs: Capabilities) -> Vec<u8> {
        if theirs.has(Capabilities::SPARSE_MONITORS_CONFIG) {
            return wire::monitors_config(&self.monitors);
        }
        let on = self.monitors.iter().filter(|monitor| monitor.width > 0 && monitor.height > 0);
        wire::monitors_config(&on.copied().collect::<Vec<_>>())
    }

    fn take(&mut self, kind: u32, body: Vec<u8>, now: Instant) -> Option<()> {
        if kind == message::ANNOUNCE_CAPABILITIES {
            let (request, theirs) = wire::announcement(&body)?;
            self.announced(request, theirs);
            return Some(());
        }
        let Some(theirs) = self.theirs else { return Some(()) };
        match kind {
            message::CLIPBOARD
            | message::CLIPBOARD_GRAB
            | message::CLIPBOARD_REQUEST
            | message::CLIPBOARD_RELEASE => self.clipboard.receive(kind, body, theirs, now, &mut self.events),
            message::FILE_XFER_STATUS => self.files.receive(&body, &mut self.events),
            message::REPLY => {
                let (to, result) = wire::two(&body)?;
                if to == message::MONITORS_CONFIG {
                    self.events
                        .push(AgentEvent::MonitorsConfigReply { success: result == wire::REPLY_SUCCESS });
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    /// The agent told its capabilities. One that asks for ours has only just begun, even where its
    /// port was seen open all the time: it knows nothing of what was said before.
    fn announced(&mut self, request: bool, theirs: Capabilities) {
        if request {
            self.announce = Some(false);
            if self.theirs.is_some() {
                self.agent_disconnected();
            }
        }
        if self.theirs.is_none() {
            self.max_clipboard_due = true;
            self.monitors_due = !self.monitors.is_empty();
            self.clipboard.agent_connected();
        }
        self.theirs = Some(theirs);
        self.update_features();
    }

    fn agent_disconnected(&mut self) {
        self.theirs = None;
        self.clipboard.agent_disconnected(&mut self.events);
        self.files.agent_disconnected(&mut self.events);
        self.update_features();
    }

    fn update_features(&mut self) {
        let features = self.theirs.map_or(AgentFeatures::default(), |theirs| AgentFeatures {
            clipboard: theirs.has(Capabilities::CLIPBOARD_BY_DEMAND),
            monitors_config: theirs.has(Capabilities::MONITORS_CONFIG),
            file_xfer: !theirs.has(Capabilities::FILE_XFER_DISABLED),
        });
        if self.features != features {
            self.features = features;
            self.events.push(AgentEvent::Features(features));
        }
    }
}

#[cfg(test)]
mod tests;
