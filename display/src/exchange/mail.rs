//! What waits to be told to one viewer. Bounded: the newest stands for those before it where it can,
//! and a client that does not read loses the oldest.

use super::files::{FileState, FileStatus};
use super::{Abilities, ContentType, MAX_PIECE};
use std::collections::VecDeque;
use std::sync::Arc;

const MAX_STATUSES: usize = 128;
/// Contents that are on their way to one viewer.
pub(super) const MAX_PARCELS: usize = 2;

/// A piece of a clipboard's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The number of the request that it answers.
    pub request: u32,
    /// Nothing follows.
    pub last: bool,
    /// There is no answer; nothing follows.
    pub failed: bool,
    /// At most [`MAX_PIECE`].
    pub bytes: Vec<u8>,
}

/// Contents of which a part was sent.
#[derive(Debug)]
struct Parcel {
    request: u32,
    contents: Option<Arc<Vec<u8>>>,
    sent: usize,
}

/// One viewer's mail.
#[derive(Debug, Default)]
pub struct Mail {
    /// What the guest can do now.
    pub abilities: Option<Abilities>,
    /// What the guest offers now.
    pub offer: Option<Vec<ContentType>>,
    /// What the guest asks of this viewer; one of each type at most.
    pub requests: Vec<(u32, ContentType)>,
    /// What became of files.
    pub statuses: VecDeque<FileStatus>,
    parcels: VecDeque<Parcel>,
}

impl Mail {
    /// Whether there is anything but contents.
    pub fn has_letters(&self) -> bool {
        self.abilities.is_some()
            || self.offer.is_some()
            || !self.requests.is_empty()
            || !self.statuses.is_empty()
    }

    /// Takes everything but contents.
    pub fn take_letters(&mut self) -> Self {
        let parcels = std::mem::take(&mut self.parcels);
        let letters = std::mem::take(self);
        self.parcels = parcels;
        letters
    }

    /// Whether there are contents to be sent.
    pub fn has_parcels(&self) -> bool {
        !self.parcels.is_empty()
    }

    /// Takes the next piece of contents.
    pub fn take_piece(&mut self) -> Option<Piece> {
        let parcel = self.parcels.front_mut()?;
        let rest = parcel.contents.as_ref().and_then(|contents| contents.get(parcel.sent..));
        let bytes = rest.map(|rest| rest.get(..MAX_PIECE).unwrap_or(rest).to_vec());
        parcel.sent += bytes.as_ref().map_or(0, Vec::len);
        let failed = bytes.is_none();
        let last = failed || parcel.contents.as_ref().is_none_or(|contents| contents.len() <= parcel.sent);
        let piece = Piece { request: parcel.request, last, failed, bytes: bytes.unwrap_or_default() };
        if last {
            self.parcels.pop_front();
        }
        Some(piece)
    }

    pub(super) fn parcels(&self) -> usize {
        self.parcels.iter().filter(|parcel| parcel.contents.is_some()).count()
    }

    pub(super) fn put_contents(&mut self, request: u32, contents: Option<Arc<Vec<u8>>>) {
        // Refusals are short, and as many as the client makes requests without reading.
        if self.parcels.len() >= MAX_STATUSES {
            self.parcels.retain(|parcel| parcel.contents.is_some());
        }
        self.parcels.push_back(Parcel { request, contents, sent: 0 });
    }

    pub(super) fn put_status(&mut self, status: FileStatus) {
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
