//! Uploads: files on their way from viewers into the guest.

use super::file_name::clean;
use super::{GuestAgentSink, State, ViewerId};
use oriel_wire::{FileState, FileStatus};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Largest number of bytes of a file that are not acknowledged to the client.
const CREDIT: u64 = 256 * 1024;
/// Number of bytes after which progress is acknowledged: half the credit, so that the client never stalls …
const ACK_BYTES: u64 = CREDIT / 2;
/// … or time after which fewer bytes are.
const ACK_INTERVAL: Duration = Duration::from_millis(100);
/// Largest number of uploads at a time.
const MAX_FILES: usize = 8;

/// Event of an upload, as the guest's agent reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEvent {
    /// The guest accepts the file.
    Accepted,
    /// The agent has passed this many of the file's bytes on to the guest.
    Written(u64),
    /// The whole file is stored in the guest.
    Done,
    /// The upload failed, for a reason in one plain sentence; further bytes are dropped.
    Failed(String),
}

#[derive(Debug)]
/// File on its way into the guest.
struct Upload {
    viewer: ViewerId,
    /// Number that the client gave the file.
    transfer: u32,
    /// Announced size in bytes.
    size: u64,
    /// Number of bytes received from the client.
    received: u64,
    /// Number of bytes passed on to the guest.
    written: u64,
    /// Number of those bytes that were acknowledged to the client.
    acked: u64,
    /// Time of the last acknowledgement, or of the beginning.
    acked_at: Instant,
}

impl Upload {
    /// Makes a status message for the client.
    fn status(&self, state: FileState, text: Option<String>) -> FileStatus {
        FileStatus { transfer: self.transfer, state, received: self.written, text }
    }
}

/// Uploads of a desktop, by number.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: BTreeMap<u32, Upload>,
    /// Number of the last upload.
    last: u32,
}

impl State {
    /// Begins an upload, or sends a status with the reason for refusal.
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
            _ if self.find(viewer, transfer).is_some() => Some(
                "A file with this number is already being sent; reload the page and try again.".to_owned(),
            ),
            _ if self.uploads.uploads.len() >= MAX_FILES => {
                Some(format!("{MAX_FILES} files are being sent; send this one when they have arrived."))
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

    /// Passes bytes on to the guest; an upload that exceeds its size or credit is cancelled.
    pub(super) fn upload_data(
        &mut self,
        viewer: ViewerId,
        transfer: u32,
        bytes: &[u8],
        agent: &dyn GuestAgentSink,
    ) {
        // The client may send bytes before it has received the end of the upload.
        let Some(id) = self.find(viewer, transfer) else { return };
        let Some(file) = self.uploads.uploads.get_mut(&id) else { return };
        file.received = file.received.saturating_add(bytes.len() as u64);
        let wrong = if file.received > file.size {
            "The file is longer than its announced size; send it again."
        } else if file.received.saturating_sub(file.acked) > CREDIT {
            "The browser sent more of the file than was acknowledged; send it again."
        } else {
            return agent.upload_data(id, bytes);
        };
        agent.cancel_upload(id);
        self.end_file(id, FileState::Failed, Some(wrong.to_owned()));
    }

    /// Cancels an upload at the client's request.
    pub(super) fn cancel_upload(&mut self, viewer: ViewerId, transfer: u32, agent: &dyn GuestAgentSink) {
        if let Some(id) = self.find(viewer, transfer) {
            self.uploads.uploads.remove(&id);
            agent.cancel_upload(id);
        }
    }

    /// Processes an event of the guest's agent; progress is sent to the client in steps.
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

    /// Cancels all uploads of a viewer that left.
    pub(super) fn viewer_left_uploads(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        self.uploads.uploads.retain(|id, file| {
            if file.viewer == viewer {
                agent.cancel_upload(*id);
            }
            file.viewer != viewer
        });
    }

    /// Removes an upload and sends its final status.
    fn end_file(&mut self, id: u32, state: FileState, text: Option<String>) {
        if let Some(file) = self.uploads.uploads.remove(&id) {
            let status = file.status(state, text);
            self.enqueue(file.viewer, |outbox| outbox.put_status(status));
        }
    }

    /// Returns the number of a viewer's upload.
    fn find(&self, viewer: ViewerId, transfer: u32) -> Option<u32> {
        let mine = |(_, file): &(&u32, &Upload)| file.viewer == viewer && file.transfer == transfer;
        self.uploads.uploads.iter().find(mine).map(|(id, _)| *id)
    }
}
