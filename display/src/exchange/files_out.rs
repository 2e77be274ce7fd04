//! The file on its way from the guest to a viewer: one at a time.

use super::file_name::clean;
use super::{GuestLink, SeatId, State};
use serde::{Deserialize, Serialize};

/// Bytes of a file that may be on the way and not yet told as stored.
pub const FILE_CREDIT: u64 = 256 * 1024;

/// What a file is called whose name nothing is left of.
const NAMELESS: &str = "file";

/// A file that the guest sends, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// The server's number of it.
    pub offer: u32,
    /// One component of a path, such as any system can store.
    pub name: String,
    /// In bytes.
    pub size: u64,
}

/// What the guest's side tells of the file that it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestFile {
    /// Somebody sends it; answered by [`GuestLink::take_file`] or [`GuestLink::refuse_file`], as soon
    /// as somebody is there to ask.
    Offered {
        /// As the guest has it.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// Its next bytes, no more on the way at a time than [`FILE_CREDIT`].
    Bytes(Vec<u8>),
    /// Those were all.
    Whole,
    /// It does not come (any further).
    Gone,
}

/// Whom the file concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nobody is there.
    Nobody,
    /// This one was asked.
    Asked(SeatId),
    /// This one takes it.
    Taking(SeatId),
}

impl Reach {
    fn seat(self) -> Option<SeatId> {
        match self {
            Self::Nobody => None,
            Self::Asked(seat) | Self::Taking(seat) => Some(seat),
        }
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct FileOut {
    offer: FileOffer,
    reach: Reach,
    /// Bytes from the guest.
    sent: u64,
    /// Those were all.
    whole: bool,
    /// The client has it whole.
    stored: bool,
}

impl State {
    pub(super) fn guest_file(&mut self, file: u32, news: GuestFile, link: &dyn GuestLink) {
        let (name, size) = match news {
            GuestFile::Offered { name, size } => (name, size),
            GuestFile::Bytes(bytes) => return self.guest_file_bytes(file, bytes),
            GuestFile::Whole => return self.guest_file_whole(file, link),
            GuestFile::Gone => return self.guest_file_gone(file),
        };
        if let Some(earlier) = self.file_out.as_ref().map(|out| out.offer.offer) {
            self.guest_file_gone(earlier);
        }
        let name = clean(&name).unwrap_or_else(|_| NAMELESS.to_owned());
        let offer = FileOffer { offer: file, name, size };
        self.file_out = Some(FileOut { offer, reach: Reach::Nobody, sent: 0, whole: false, stored: false });
        if let Some(owner) = self.owner {
            self.file_out_moves(owner);
        }
    }

    /// The exchange belongs to `owner`, and so does what nobody has answered yet.
    pub(super) fn file_out_moves(&mut self, owner: SeatId) {
        let Some(out) = &mut self.file_out else { return };
        if out.reach == Reach::Asked(owner) || matches!(out.reach, Reach::Taking(_)) {
            return;
        }
        let (offer, before) = (out.offer.clone(), std::mem::replace(&mut out.reach, Reach::Asked(owner)));
        if let Some(before) = before.seat() {
            self.post(before, |mail| mail.put_file_gone(offer.offer));
        }
        self.post(owner, |mail| mail.file_offer = Some(offer));
    }

    pub(super) fn answer_file(&mut self, seat: SeatId, offer: u32, accept: bool, link: &dyn GuestLink) {
        // What was sent before the client heard of the end.
        let Some(out) = self.out_of(seat, offer) else { return };
        match (out.reach, accept) {
            (Reach::Asked(_), true) => {
                out.reach = Reach::Taking(seat);
                link.take_file(offer);
            }
            (Reach::Asked(_), false) => self.refuse(seat, offer, "The file was declined.", link),
            (Reach::Taking(_), false) => {
                self.refuse(seat, offer, "The file was not taken to its end.", link);
            }
            (Reach::Taking(_), true) | (Reach::Nobody, _) => {}
        }
    }

    pub(super) fn file_taken(&mut self, seat: SeatId, offer: u32, received: u64, link: &dyn GuestLink) {
        let Some(out) = self.out_of(seat, offer) else { return };
        if received > out.sent || !matches!(out.reach, Reach::Taking(_)) {
            self.post(seat, |mail| mail.put_file_gone(offer));
            return self.refuse(seat, offer, "The browser lost count of the file.", link);
        }
        out.stored |= received == out.offer.size;
        if out.whole && out.stored {
            self.file_out = None;
        }
        link.file_taken(offer, received);
    }

    /// A viewer left. What it was asked the next one is asked.
    pub(super) fn file_out_leaves(&mut self, seat: SeatId, link: &dyn GuestLink) {
        let Some(out) = self.file_out.as_mut().filter(|out| out.reach.seat() == Some(seat)) else { return };
        match out.reach {
            Reach::Taking(_) => {
                let offer = out.offer.offer;
                self.refuse(seat, offer, "The window that took the file was closed.", link);
            }
            Reach::Asked(_) | Reach::Nobody => out.reach = Reach::Nobody,
        }
    }

    fn guest_file_bytes(&mut self, file: u32, bytes: Vec<u8>) {
        if let Some(out) = self.file_out.as_mut().filter(|out| out.offer.offer == file)
            && let Reach::Taking(seat) = out.reach
        {
            out.sent = out.sent.saturating_add(bytes.len() as u64);
            self.post(seat, |mail| mail.put_file_bytes(file, bytes));
        }
    }

    fn guest_file_whole(&mut self, file: u32, link: &dyn GuestLink) {
        if let Some(out) = self.file_out.as_mut().filter(|out| out.offer.offer == file)
            && let Reach::Taking(seat) = out.reach
        {
            out.whole = true;
            let size = out.offer.size;
            if out.stored {
                self.file_out = None;
                link.file_taken(file, size);
            }
            self.post(seat, |mail| mail.put_file_end(file));
        }
    }

    fn guest_file_gone(&mut self, file: u32) {
        if let Some(out) = self.file_out.take_if(|out| out.offer.offer == file)
            && let Some(seat) = out.reach.seat()
        {
            self.post(seat, |mail| mail.put_file_gone(file));
        }
    }

    fn refuse(&mut self, seat: SeatId, offer: u32, reason: &str, link: &dyn GuestLink) {
        self.file_out = None;
        self.post(seat, |mail| mail.drop_file(offer));
        link.refuse_file(offer, reason);
    }

    fn out_of(&mut self, seat: SeatId, offer: u32) -> Option<&mut FileOut> {
        self.file_out.as_mut().filter(|out| out.offer.offer == offer && out.reach.seat() == Some(seat))
    }
}
