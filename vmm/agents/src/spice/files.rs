//! File transfers into the guest (`VD_AGENT_FILE_XFER_*`).

use super::types::{AgentEvent, FileXferEvent};
use super::wire::{self, file_status, message};
use std::collections::BTreeMap;

/// Maximum number of a file's bytes in a `FILE_XFER_DATA` message.
const DATA_BYTES: usize = 60 * 1024;

/// File in transfer.
#[derive(Debug)]
struct File {
    /// Name of the file, until `FILE_XFER_START` is sent.
    name: Option<String>,
    size: u64,
    accepted: bool,
    /// Bytes that were appended and are not sent yet.
    waiting: Vec<u8>,
    /// Number of bytes sent.
    sent: u64,
    /// Whether no `FILE_XFER_DATA` was sent yet.
    unsent: bool,
}

impl File {
    /// Whether a data message can be sent. An empty file has one message without bytes, which marks its end.
    fn is_ready(&self) -> bool {
        self.accepted && (!self.waiting.is_empty() || (self.size == 0 && self.unsent))
    }
}

/// Files in transfer, by number.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<u32, File>,
    /// Files whose cancellation is to be sent to the guest.
    cancelled: Vec<u32>,
    /// File whose data was sent last; the search for the next file starts after it.
    last: u32,
}

impl Files {
    /// Starts the transfer of a file of `size` bytes.
    pub fn start(&mut self, id: u32, name: &str, size: u64) {
        let name = Some(name.to_owned());
        let file = File { name, size, accepted: false, waiting: Vec::new(), sent: 0, unsent: true };
        self.files.insert(id, file);
    }

    /// Appends bytes to a file; bytes of a file that has ended are dropped.
    pub fn data(&mut self, id: u32, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(&id) {
            file.waiting.extend_from_slice(bytes);
        }
    }

    /// Cancels the transfer of a file.
    pub fn cancel(&mut self, id: u32) {
        if let Some(File { name: None, .. }) = self.files.remove(&id) {
            self.cancelled.push(id);
        }
    }

    /// Fails every file, since the agent has disconnected.
    pub fn agent_disconnected(&mut self, events: &mut Vec<AgentEvent>) {
        self.cancelled.clear();
        for id in std::mem::take(&mut self.files).into_keys() {
            let text = "The guest's agent disconnected; send the file again when the desktop is back.";
            events.push(AgentEvent::FileXfer(id, FileXferEvent::Failed(text.to_owned())));
        }
    }

    /// Processes a `FILE_XFER_STATUS` message of the guest; `None` if the message is malformed.
    pub fn receive(&mut self, body: &[u8], events: &mut Vec<AgentEvent>) -> Option<()> {
        let (id, status) = wire::u32_pair(body)?;
        let Some(file) = self.files.get_mut(&id).filter(|file| file.name.is_none()) else { return Some(()) };
        let event = match status {
            file_status::CAN_SEND_DATA => {
                if std::mem::replace(&mut file.accepted, true) {
                    return Some(());
                }
                FileXferEvent::Accepted
            }
            file_status::SUCCESS if file.sent == file.size => FileXferEvent::Done,
            file_status::SUCCESS => {
                FileXferEvent::Failed("The guest stopped reading the file early.".to_owned())
            }
            file_status::CANCELLED => FileXferEvent::Failed("The guest cancelled the file.".to_owned()),
            file_status::NOT_ENOUGH_SPACE => FileXferEvent::Failed(no_space(body)),
            file_status::SESSION_LOCKED => {
                FileXferEvent::Failed("The desktop is locked; unlock it and send the file again.".to_owned())
            }
            file_status::AGENT_NOT_CONNECTED => FileXferEvent::Failed(
                "No user is logged in at the desktop; log in and send the file again.".to_owned(),
            ),
            file_status::DISABLED => FileXferEvent::Failed("This desktop does not take files.".to_owned()),
            _ => FileXferEvent::Failed("The guest could not write the file.".to_owned()),
        };
        if event != FileXferEvent::Accepted {
            self.files.remove(&id);
        }
        events.push(AgentEvent::FileXfer(id, event));
        Some(())
    }

    /// Returns the next message to the agent: type, beginning of the body, rest of the body.
    pub fn next_message(&mut self, events: &mut Vec<AgentEvent>) -> Option<(u32, Vec<u8>, Vec<u8>)> {
        if let Some(id) = self.cancelled.pop() {
            let body = [id, file_status::CANCELLED].map(u32::to_le_bytes).concat();
            return Some((message::FILE_XFER_STATUS, body, Vec::new()));
        }
        for (id, file) in &mut self.files {
            if let Some(name) = file.name.take() {
                return Some((message::FILE_XFER_START, wire::file_start(*id, &name, file.size), Vec::new()));
            }
        }
        let ready = |(_, file): &(&u32, &mut File)| file.is_ready();
        let last = self.last;
        let id = self.files.range_mut(last.saturating_add(1)..).find(ready).map(|(id, _)| *id);
        let id = id.or_else(|| self.files.range_mut(..=last).find(ready).map(|(id, _)| *id))?;
        self.last = id;
        let file = self.files.get_mut(&id)?;
        let rest = file.waiting.split_off(file.waiting.len().min(DATA_BYTES));
        let data = std::mem::replace(&mut file.waiting, rest);
        file.unsent = false;
        file.sent = file.sent.saturating_add(data.len() as u64);
        events.push(AgentEvent::FileXfer(id, FileXferEvent::Sent(file.sent)));
        Some((message::FILE_XFER_DATA, wire::file_data_head(id, data.len()), data))
    }
}

/// Returns the sentence for a full disk. Agents append the number of free bytes, since the host announces
/// `FILE_XFER_DETAILED_ERRORS`.
fn no_space(body: &[u8]) -> String {
    match body.get(8..).and_then(<[u8]>::first_chunk) {
        Some(free) => {
            let mib = u64::from_le_bytes(*free) >> 20;
            format!("The desktop's disk has no room for the file; {mib} MiB are free.")
        }
        None => "The desktop's disk has no room for the file.".to_owned(),
    }
}
