//! Files on their way from viewers into the guest.

use super::file_name::clean;
use super::{GuestAgentSink, State, ViewerId};
use oriel_wire::{FileState, FileStatus};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Bytes of a file that may be on the way and not yet acknowledged.
const CREDIT: u64 = 256 * 1024;
/// Bytes are acknowledged to the client in such steps: half the credit, so that it never runs dry …
const ACK_BYTES: u64 = CREDIT / 2;
/// … or of fewer, when the last time was so long ago.
const ACK_INTERVAL: Duration = Duration::from_millis(100);
/// Files on their way at a time.
const MAX_FILES: usize = 8;

/// Event of a file on its way into the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEvent {
    /// The guest accepts the file.
    Accepted,
    /// Number of the file's bytes that have left for the guest.
    Written(u64),
    /// The whole file is stored in the guest.
    Done,
    /// The file failed and its further bytes are dropped; the reason in one plain sentence.
    Failed(String),
}

#[derive(Debug)]
struct Upload {
    viewer: ViewerId,
    /// The client's number.
    transfer: u32,
    size: u64,
    /// Bytes from the client.
    received: u64,
    /// Bytes that left for the guest.
    written: u64,
    /// Bytes of `written` that the client knows of, and since when.
    acked: u64,
    acked_at: Instant,
}

impl Upload {
    fn status(&self, state: FileState, text: Option<String>) -> FileStatus {
        FileStatus { transfer: self.transfer, state, received: self.written, text }
    }
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: BTreeMap<u32, Upload>,
    last: u32,
}

impl State {
    pub(super) fn start_upload(
        &mut self,
        viewer: ViewerId,
        transfer: u32,
        size: u64,
        name: &str,
        agent: &dyn GuestAgentSink,
    ) {
        let mine = self.own_if_free(viewer, agent);
        let file =
            Upload { viewer, transfer, size, received: 0, written: 0, acked: 0, acked_at: Instant::now() };
        let refused = match clean(name) {
            _ if !mine => {
                Some("Another window works with this desktop; click into it and try again.".to_owned())
            }
            _ if !self.abilities.files => Some("This desktop takes no files now.".to_owned()),
            _ if self.find(viewer, transfer).is_some() => {
                Some("There is a file with this number on its way already.".to_owned())
            }
            _ if self.uploads.uploads.len() >= MAX_FILES => {
                Some(format!("{MAX_FILES} files are on their way; send this one when they are there."))
            }
            Err(unnameable) => Some(unnameable.to_string()),
            Ok(name) => {
                self.uploads.last = self.uploads.last.wrapping_add(1);
                agent.start_upload(self.uploads.last, &name, size);
                None
            }
        };
        match refused {
            Some(text) => {
                let status = file.status(FileState::Failed, Some(text));
                self.enqueue(viewer, |outbox| outbox.put_status(status));
            }
            None => drop(self.uploads.uploads.insert(self.uploads.last, file)),
        }
    }

    pub(super) fn upload_data(
        &mut self,
        viewer: ViewerId,
        transfer: u32,
        bytes: &[u8],
        agent: &dyn GuestAgentSink,
    ) {
        // What was sent before the client heard of the end.
        let Some(id) = self.find(viewer, transfer) else { return };
        let Some(file) = self.uploads.uploads.get_mut(&id) else { return };
        file.received = file.received.saturating_add(bytes.len() as u64);
        let wrong = if file.received > file.size {
            "The file is longer than it was said to be."
        } else if file.received.saturating_sub(file.acked) > CREDIT {
            "More of the file was sent than was asked for."
        } else {
            return agent.upload_data(id, bytes);
        };
        agent.cancel_upload(id);
        self.end_file(id, FileState::Failed, Some(wrong.to_owned()));
    }

    pub(super) fn cancel_upload(&mut self, viewer: ViewerId, transfer: u32, agent: &dyn GuestAgentSink) {
        if let Some(id) = self.find(viewer, transfer) {
            self.uploads.uploads.remove(&id);
            agent.cancel_upload(id);
        }
    }

    pub(super) fn upload_event(&mut self, id: u32, news: UploadEvent) {
        let Some(file) = self.uploads.uploads.get_mut(&id) else { return };
        let status = match news {
            UploadEvent::Accepted => file.status(FileState::Accepted, None),
            UploadEvent::Written(written) => {
                file.written = written;
                let fresh = written.saturating_sub(file.acked);
                if fresh < ACK_BYTES && file.acked_at.elapsed() < ACK_INTERVAL {
                    return;
                }
                file.acked = written;
                file.acked_at = Instant::now();
                file.status(FileState::Progress, None)
            }
            UploadEvent::Done => return self.end_file(id, FileState::Done, None),
            UploadEvent::Failed(text) => return self.end_file(id, FileState::Failed, Some(text)),
        };
        let viewer = file.viewer;
        self.enqueue(viewer, |outbox| outbox.put_status(status));
    }

    /// A viewer left.
    pub(super) fn viewer_left_uploads(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        self.uploads.uploads.retain(|id, file| {
            if file.viewer == viewer {
                agent.cancel_upload(*id);
            }
            file.viewer != viewer
        });
    }

    fn end_file(&mut self, id: u32, state: FileState, text: Option<String>) {
        if let Some(file) = self.uploads.uploads.remove(&id) {
            let status = file.status(state, text);
            self.enqueue(file.viewer, |outbox| outbox.put_status(status));
        }
    }

    fn find(&self, viewer: ViewerId, transfer: u32) -> Option<u32> {
        let mine = |(_, file): &(&u32, &Upload)| file.viewer == viewer && file.transfer == transfer;
        self.uploads.uploads.iter().find(mine).map(|(id, _)| *id)
    }
}
