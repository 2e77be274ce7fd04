//! Files on their way into the guest.

use super::wire::{self, file_status, message};
use super::{AgentEvent, FileXferEvent};
use std::collections::BTreeMap;

/// Bytes in a message.
const PIECE: usize = 60 * 1024;

#[derive(Debug)]
struct File {
    /// Its name, until the guest was told.
    name: Option<String>,
    size: u64,
    accepted: bool,
    /// Given by the host's side and not yet sent.
    waiting: Vec<u8>,
    /// Bytes sent.
    written: u64,
    /// No piece was sent yet.
    untouched: bool,
}

impl File {
    /// Whether a piece may be sent: an empty file is one of no bytes, by which the guest sees its end.
    fn is_ready(&self) -> bool {
        self.accepted && (!self.waiting.is_empty() || (self.size == 0 && self.untouched))
    }
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<u32, File>,
    /// Files of which the guest is to be told that nothing more comes.
    cancelled: Vec<u32>,
    /// The file that had the last piece: others first.
    last: u32,
}

impl Files {
    pub fn start(&mut self, id: u32, name: &str, size: u64) {
        let name = Some(name.to_owned());
        let file = File { name, size, accepted: false, waiting: Vec::new(), written: 0, untouched: true };
        self.files.insert(id, file);
    }

    /// The next bytes of a file; those of one that has ended are dropped.
    pub fn data(&mut self, id: u32, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(&id) {
            file.waiting.extend_from_slice(bytes);
        }
    }

    pub fn cancel(&mut self, id: u32) {
        if let Some(File { name: None, .. }) = self.files.remove(&id) {
            self.cancelled.push(id);
        }
    }

    pub fn agent_disconnected(&mut self, events: &mut Vec<AgentEvent>) {
        self.cancelled.clear();
        for id in std::mem::take(&mut self.files).into_keys() {
            let text = "The guest's agent went away; send the file again when the desktop is back.";
            events.push(AgentEvent::FileXfer(id, FileXferEvent::Failed(text.to_owned())));
        }
    }

    /// A status from the guest; `None` if it is malformed.
    pub fn receive(&mut self, body: &[u8], events: &mut Vec<AgentEvent>) -> Option<()> {
        let (id, status) = wire::two(body)?;
        let Some(file) = self.files.get_mut(&id).filter(|file| file.name.is_none()) else { return Some(()) };
        let told = match status {
            file_status::CAN_SEND_DATA => {
                if std::mem::replace(&mut file.accepted, true) {
                    return Some(());
                }
                FileXferEvent::Accepted
            }
            file_status::SUCCESS if file.written == file.size => FileXferEvent::Done,
            file_status::SUCCESS => {
                FileXferEvent::Failed("The guest stopped reading the file early.".to_owned())
            }
            file_status::CANCELLED => FileXferEvent::Failed("The guest cancelled the file.".to_owned()),
            file_status::NOT_ENOUGH_SPACE => FileXferEvent::Failed(no_space(body)),
            file_status::SESSION_LOCKED => {
                FileXferEvent::Failed("The desktop is locked; unlock it and send the file again.".to_owned())
            }
            file_status::AGENT_NOT_CONNECTED => {
                FileXferEvent::Failed("Nobody is logged in at the desktop, so it takes no files.".to_owned())
            }
            file_status::DISABLED => FileXferEvent::Failed("This desktop does not take files.".to_owned()),
            _ => FileXferEvent::Failed("The guest could not write the file.".to_owned()),
        };
        if told != FileXferEvent::Accepted {
            self.files.remove(&id);
        }
        events.push(AgentEvent::FileXfer(id, told));
        Some(())
    }

    /// What is to be said next: a message's type, the beginning of its body and the rest.
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
        let rest = file.waiting.split_off(file.waiting.len().min(PIECE));
        let piece = std::mem::replace(&mut file.waiting, rest);
        file.untouched = false;
        file.written = file.written.saturating_add(piece.len() as u64);
        events.push(AgentEvent::FileXfer(id, FileXferEvent::Sent(file.written)));
        Some((message::FILE_XFER_DATA, wire::file_data_head(id, piece.len()), piece))
    }
}

/// Agents add how much there is left, since we announced that we understand it.
fn no_space(body: &[u8]) -> String {
    match body.get(8..).and_then(<[u8]>::first_chunk) {
        Some(free) => {
            let mib = u64::from_le_bytes(*free) >> 20;
            format!("The desktop's disk has no room for the file; {mib} MiB are free.")
        }
        None => "The desktop's disk has no room for the file.".to_owned(),
    }
}
