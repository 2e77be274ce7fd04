//! Outbox: clipboard and file messages that wait for one viewer.
//!
//! Bounded: the newest message replaces earlier ones where it can, and a client that does not read loses the
//! oldest. Filled by the redirection hub, emptied by the viewer's writer.

use oriel_wire::{Abilities, Chunk, ContentType, FileOffer, FileState, FileStatus, MAX_CHUNK};
use std::collections::VecDeque;
use std::sync::Arc;

/// Largest number of file statuses, and of refused pastes, that wait.
const MAX_STATUSES: usize = 128;
/// Largest number of clipboard contents on their way to one viewer.
pub(crate) const MAX_TRANSFERS: usize = 2;

/// Clipboard contents that are sent in chunks; `contents` is `None` if the request was refused.
#[derive(Debug)]
struct Transfer {
    /// Request number of the client.
    request: u32,
    contents: Option<Arc<Vec<u8>>>,
    /// Number of bytes already sent.
    sent: usize,
}

/// Queue of clipboard and file messages for one viewer.
#[derive(Debug, Default)]
pub struct Outbox {
    /// New abilities of the guest's agents.
    pub abilities: Option<Abilities>,
    /// New offer of the guest's clipboard, as content types.
    pub offer: Option<Vec<ContentType>>,
    /// Requests for the viewer's clipboard (request number, content type), one for each type at most.
    pub requests: Vec<(u32, ContentType)>,
    /// Statuses of uploads, oldest first.
    pub statuses: VecDeque<FileStatus>,
    /// Offer of a file that the guest sends.
    pub file_offer: Option<FileOffer>,
    /// Numbers of offered files that will not be sent.
    pub gone: Vec<u32>,
    /// Clipboard contents to send, oldest first.
    transfers: VecDeque<Transfer>,
    /// Chunks of the file that the client downloads, bounded by the client's credit.
    file_pieces: VecDeque<Chunk>,
}

impl Outbox {
    /// Reports whether there is a message other than chunks of contents or files.
    pub fn has_control_messages(&self) -> bool {
        self.abilities.is_some()
            || self.offer.is_some()
            || !self.requests.is_empty()
            || !self.statuses.is_empty()
            || self.file_offer.is_some()
            || !self.gone.is_empty()
    }

    /// Takes all messages other than chunks of contents or files.
    pub fn take_control_messages(&mut self) -> Self {
        let (transfers, file_pieces) =
            (std::mem::take(&mut self.transfers), std::mem::take(&mut self.file_pieces));
        let control = std::mem::take(self);
        (self.transfers, self.file_pieces) = (transfers, file_pieces);
        control
    }

    /// Reports whether there are chunks of contents or of a file to send.
    pub fn has_transfers(&self) -> bool {
        !self.transfers.is_empty() || !self.file_pieces.is_empty()
    }

    /// Takes the next chunk of clipboard contents, of at most `most` bytes and at most [`MAX_CHUNK`].
    pub fn take_piece(&mut self, most: usize) -> Option<Chunk> {
        let transfer = self.transfers.front_mut()?;
        let rest = transfer.contents.as_ref().and_then(|contents| contents.get(transfer.sent..));
        let bytes = rest.map(|rest| rest.get(..most.min(MAX_CHUNK)).unwrap_or(rest).to_vec());
        transfer.sent += bytes.as_ref().map_or(0, Vec::len);
        let failed = bytes.is_none();
        let last =
            failed || transfer.contents.as_ref().is_none_or(|contents| contents.len() <= transfer.sent);
        let chunk = Chunk { request: transfer.request, last, failed, bytes: bytes.unwrap_or_default() };
        if last {
            self.transfers.pop_front();
        }
        Some(chunk)
    }

    /// Takes the next chunk of the file that the guest sends, of at most `most` bytes.
    pub fn take_file_piece(&mut self, most: usize) -> Option<Chunk> {
        let next = self.file_pieces.front_mut()?;
        if next.bytes.len() <= most {
            return self.file_pieces.pop_front();
        }
        let rest = next.bytes.split_off(most);
        let bytes = std::mem::replace(&mut next.bytes, rest);
        Some(Chunk { request: next.request, last: false, failed: false, bytes })
    }

    /// Appends bytes of file `offer`; short ones are joined to a chunk.
    pub(crate) fn put_file_bytes(&mut self, offer: u32, bytes: Vec<u8>) {
        if let Some(chunk) = self.file_pieces.back_mut()
            && chunk.request == offer
            && chunk.bytes.len() + bytes.len() <= MAX_CHUNK
        {
            return chunk.bytes.extend(bytes);
        }
        self.file_pieces.push_back(Chunk { request: offer, last: false, failed: false, bytes });
    }

    /// Marks the end of file `offer`.
    pub(crate) fn put_file_end(&mut self, offer: u32) {
        match self.file_pieces.back_mut().filter(|chunk| chunk.request == offer) {
            Some(chunk) => chunk.last = true,
            None => {
                let end = Chunk { request: offer, last: true, failed: false, bytes: Vec::new() };
                self.file_pieces.push_back(end);
            }
        }
    }

    /// Cancels file `offer`. If the client was not notified of the offer yet, the offer is removed instead.
    pub(crate) fn put_file_gone(&mut self, offer: u32) {
        self.drop_file(offer);
        if self.file_offer.take_if(|waiting| waiting.offer == offer).is_none() {
            self.gone.push(offer);
        }
    }

    /// Drops the queued chunks of file `offer`.
    pub(crate) fn drop_file(&mut self, offer: u32) {
        self.file_pieces.retain(|chunk| chunk.request != offer);
    }

    /// Returns the number of clipboard contents on their way; refusals do not count.
    pub(crate) fn transfers(&self) -> usize {
        self.transfers.iter().filter(|transfer| transfer.contents.is_some()).count()
    }

    /// Appends the answer to a paste request; `None` is a refusal.
    pub(crate) fn put_contents(&mut self, request: u32, contents: Option<Arc<Vec<u8>>>) {
        // Refusals are short, but a client that does not read can cause any number of them.
        if self.transfers.len() >= MAX_STATUSES {
            self.transfers.retain(|transfer| transfer.contents.is_some());
        }
        self.transfers.push_back(Transfer { request, contents, sent: 0 });
    }

    /// Appends a file's status; progress replaces earlier progress of the same file.
    pub(crate) fn put_status(&mut self, status: FileStatus) {
        let progress = |one: &FileStatus| one.transfer == status.transfer && one.state == FileState::Progress;
        if status.state == FileState::Progress
            && let Some(old) = self.statuses.iter_mut().find(|one| progress(one))
        {
            *old = status;
            return;
        }
        if self.statuses.len() == MAX_STATUSES {
            self.statuses.pop_front();
        }
        self.statuses.push_back(status);
    }
}
