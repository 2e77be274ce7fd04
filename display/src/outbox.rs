//! Clipboard and file messages that wait for one viewer. Bounded: the newest stands for those before it where it can,
//! and a client that does not read loses the oldest.

use oriel_wire::{Abilities, Chunk, ContentType, FileOffer, FileState, FileStatus, MAX_CHUNK};
use std::collections::VecDeque;
use std::sync::Arc;

const MAX_STATUSES: usize = 128;
/// Contents that are on their way to one viewer.
pub(crate) const MAX_TRANSFERS: usize = 2;

/// Contents of which a part was sent.
#[derive(Debug)]
struct Transfer {
    request: u32,
    contents: Option<Arc<Vec<u8>>>,
    sent: usize,
}

/// One viewer's mail.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What the guest can do now.
    pub abilities: Option<Abilities>,
    /// What the guest offers now.
    pub offer: Option<Vec<ContentType>>,
    /// What the guest asks of this viewer; one of each type at most.
    pub requests: Vec<(u32, ContentType)>,
    /// What became of files.
    pub statuses: VecDeque<FileStatus>,
    /// A file that the guest sends.
    pub file_offer: Option<FileOffer>,
    /// Files of which the client was told, and that do not come after all.
    pub gone: Vec<u32>,
    transfers: VecDeque<Transfer>,
    /// Of a file that the client takes; its credit bounds them.
    file_pieces: VecDeque<Chunk>,
}

impl Outbox {
    /// Whether there is anything but contents.
    pub fn has_control_messages(&self) -> bool {
        self.abilities.is_some()
            || self.offer.is_some()
            || !self.requests.is_empty()
            || !self.statuses.is_empty()
            || self.file_offer.is_some()
            || !self.gone.is_empty()
    }

    /// Takes everything but contents.
    pub fn take_control_messages(&mut self) -> Self {
        let (transfers, file_pieces) =
            (std::mem::take(&mut self.transfers), std::mem::take(&mut self.file_pieces));
        let control = std::mem::take(self);
        (self.transfers, self.file_pieces) = (transfers, file_pieces);
        control
    }

    /// Whether there are contents or pieces of a file to be sent.
    pub fn has_transfers(&self) -> bool {
        !self.transfers.is_empty() || !self.file_pieces.is_empty()
    }

    /// Takes the next chunk of contents, of `most` bytes and [`MAX_CHUNK`] at most.
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

    /// Takes the next chunk of the file that the guest sends, of `most` bytes at most.
    pub fn take_file_piece(&mut self, most: usize) -> Option<Chunk> {
        let next = self.file_pieces.front_mut()?;
        if next.bytes.len() <= most {
            return self.file_pieces.pop_front();
        }
        let rest = next.bytes.split_off(most);
        let bytes = std::mem::replace(&mut next.bytes, rest);
        Some(Chunk { request: next.request, last: false, failed: false, bytes })
    }

    /// The next bytes of a file; many short ones become one chunk.
    pub(crate) fn put_file_bytes(&mut self, offer: u32, bytes: Vec<u8>) {
        if let Some(chunk) = self.file_pieces.back_mut()
            && chunk.request == offer
            && chunk.bytes.len() + bytes.len() <= MAX_CHUNK
        {
            return chunk.bytes.extend(bytes);
        }
        self.file_pieces.push_back(Chunk { request: offer, last: false, failed: false, bytes });
    }

    /// All of the file's bytes are there.
    pub(crate) fn put_file_end(&mut self, offer: u32) {
        match self.file_pieces.back_mut().filter(|chunk| chunk.request == offer) {
            Some(chunk) => chunk.last = true,
            None => {
                let end = Chunk { request: offer, last: true, failed: false, bytes: Vec::new() };
                self.file_pieces.push_back(end);
            }
        }
    }

    /// A file does not come. A client that was not told of it yet never hears of it.
    pub(crate) fn put_file_gone(&mut self, offer: u32) {
        self.drop_file(offer);
        if self.file_offer.take_if(|waiting| waiting.offer == offer).is_none() {
            self.gone.push(offer);
        }
    }

    /// The client wants no more of a file.
    pub(crate) fn drop_file(&mut self, offer: u32) {
        self.file_pieces.retain(|chunk| chunk.request != offer);
    }

    pub(crate) fn transfers(&self) -> usize {
        self.transfers.iter().filter(|transfer| transfer.contents.is_some()).count()
    }

    pub(crate) fn put_contents(&mut self, request: u32, contents: Option<Arc<Vec<u8>>>) {
        // Refusals are short, and as many as the client makes requests without reading.
        if self.transfers.len() >= MAX_STATUSES {
            self.transfers.retain(|transfer| transfer.contents.is_some());
        }
        self.transfers.push_back(Transfer { request, contents, sent: 0 });
    }

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
