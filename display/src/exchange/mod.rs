//! The meeting place of the guest's clipboard and files and of those who watch.
//!
//! The guest's side tells what happens in the guest by the methods below and is told by its
//! [`GuestLink`]; each viewer has a [`Place`]. One viewer at a time owns the exchange, the one who
//! last gave input; it moves with the next input of another. Nothing here knows how a guest's agent
//! is spoken to.

mod clipboard;
mod file_name;
mod files;
mod files_out;
mod mail;

use crate::subscription::Subscription;
use clipboard::Clipboard;
use files::Files;
use files_out::FileOut;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use file_name::{Unnameable, clean as clean_file_name};
pub use files::{FileNews, FileState, FileStatus};
pub use files_out::{FILE_CREDIT, FileOffer, GuestFile};
pub use mail::{Mail, Piece};

/// Contents of a clipboard are at most so long, in bytes.
pub const MAX_CONTENTS: usize = 64 << 20;

/// The longest piece of a clipboard's contents or of a file that travels at once.
pub const MAX_PIECE: usize = 60 * 1024;

/// What a clipboard can hold, by media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `text/plain` in UTF-8.
    Text,
    /// `image/png`
    Png,
}

impl ContentType {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];

    /// The media type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Png => "image/png",
        }
    }

    /// The one with that media type.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What the guest can do now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abilities {
    /// Copy and paste.
    pub clipboard: bool,
    /// Follow a change of the screens' layout.
    pub resize: bool,
    /// Take files.
    pub files: bool,
    /// Play.
    pub sound: bool,
    /// Record.
    pub microphone: bool,
}

/// The way to the guest. No call blocks, and none calls back before it returns.
pub trait GuestLink: Send + Sync {
    /// The viewers' side has something in these types to paste; nothing if there are none.
    fn offer(&self, types: &[ContentType]);
    /// Asks for what the guest offered; answered by [`Exchange::guest_contents`].
    fn request(&self, content: ContentType);
    /// Answers [`Exchange::guest_wants`].
    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>);
    /// A file of `size` bytes comes; its name is clean. Answered by [`Exchange::file_news`].
    fn start_file(&self, file: u32, name: &str, size: u64);
    /// The file's next bytes.
    fn file_data(&self, file: u32, bytes: &[u8]);
    /// Nothing more of it comes, and nothing more is wanted to be heard of it.
    fn cancel_file(&self, file: u32);
    /// A viewer takes the file that the guest sends: its bytes are wanted.
    fn take_file(&self, file: u32);
    /// So many of its bytes are stored with the viewer; after the last, all of them.
    fn file_taken(&self, file: u32, received: u64);
    /// The file is not wanted, or no longer; why, in one plain sentence for whoever sends it.
    fn refuse_file(&self, file: u32, reason: &str);
}

/// Names a viewer at the exchange.
type SeatId = u32;

struct Seat {
    inbox: Arc<Subscription>,
    /// It may own the exchange.
    acts: bool,
    /// What its person's clipboard has, and when that was said (as counted by the clipboard).
    offered: Vec<ContentType>,
    offered_at: u64,
}

#[derive(Default)]
struct State {
    abilities: Abilities,
    seats: BTreeMap<SeatId, Seat>,
    last_seat: SeatId,
    owner: Option<SeatId>,
    clipboard: Clipboard,
    files: Files,
    file_out: Option<FileOut>,
}

/// One desktop's exchange.
#[derive(Default)]
pub struct Exchange {
    state: Mutex<State>,
    link: OnceLock<Arc<dyn GuestLink>>,
}

impl Exchange {
    /// One whose guest can do nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Sets the way to the guest; the first one stays.
    pub fn connect(&self, link: Arc<dyn GuestLink>) {
        let _ = self.link.set(link);
    }

    /// Changes what the guest can do, and tells every viewer.
    pub fn set_abilities(&self, change: impl FnOnce(&mut Abilities)) {
        let mut state = self.lock();
        let before = state.abilities;
        change(&mut state.abilities);
        let now = state.abilities;
        if now != before {
            state.seats.values().for_each(|seat| seat.inbox.post(|mail| mail.abilities = Some(now)));
        }
    }

    /// The guest copied something in these types; nothing any more if there are none.
    pub fn guest_offers(&self, types: Vec<ContentType>) {
        self.lock().guest_offers(types);
    }

    /// The guest pastes what was offered to it.
    pub fn guest_wants(&self, content: ContentType) {
        self.with_link(|state, link| state.guest_wants(content, link));
    }

    /// The answer to [`GuestLink::request`].
    pub fn guest_contents(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.with_link(|state, link| state.guest_contents(content, contents, link));
    }

    /// Something became of a file.
    pub fn file_news(&self, file: u32, news: FileNews) {
        self.lock().file_news(file, news);
    }

    /// The guest sends a file, or something becomes of the one that it sends: one at a time.
    pub fn guest_file(&self, file: u32, news: GuestFile) {
        self.with_link(|state, link| state.guest_file(file, news, link));
    }

    /// A place for a new viewer; `acts` says whether it may do more than look. Ends with the guard.
    pub fn join(self: &Arc<Self>, inbox: &Arc<Subscription>, acts: bool) -> Place {
        let mut state = self.lock();
        state.last_seat = state.last_seat.wrapping_add(1);
        let seat = state.last_seat;
        let abilities = state.abilities;
        inbox.post(|mail| mail.abilities = Some(abilities));
        state.seats.insert(seat, Seat { inbox: inbox.clone(), acts, offered: Vec::new(), offered_at: 0 });
        drop(state);
        let place = Place { exchange: self.clone(), seat };
        place.exchange.with_link(|state, link| {
            state.own_if_free(seat, link);
        });
        place
    }

    fn with_link(&self, act: impl FnOnce(&mut State, &dyn GuestLink)) {
        let link = self.link.get().map_or(&Nowhere as &dyn GuestLink, |link| &**link);
        act(&mut self.lock(), link);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's place at the exchange; dropping it takes along what it owns.
pub struct Place {
    exchange: Arc<Exchange>,
    seat: SeatId,
}

impl Place {
    /// The person did something: the exchange is theirs.
    pub fn acted(&self) {
        if self.exchange.lock().owner != Some(self.seat) {
            self.exchange.with_link(|state, link| state.own(self.seat, link));
        }
    }

    /// The person's clipboard has something in these types.
    pub fn offer(&self, types: Vec<ContentType>) {
        self.exchange.with_link(|state, link| state.viewer_offers(self.seat, types, link));
    }

    /// The person pastes what the guest offered.
    pub fn request(&self, request: u32, content: ContentType) {
        self.exchange.with_link(|state, link| state.viewer_wants(self.seat, request, content, link));
    }

    /// A piece of what the guest asked for.
    pub fn provide(&self, piece: Piece) {
        self.exchange.with_link(|state, link| state.viewer_provides(self.seat, piece, link));
    }

    /// The person sends a file.
    pub fn start_file(&self, transfer: u32, size: u64, name: &str) {
        self.exchange.with_link(|state, link| state.start_file(self.seat, transfer, size, name, link));
    }

    /// The next bytes of it.
    pub fn file_data(&self, transfer: u32, bytes: &[u8]) {
        self.exchange.with_link(|state, link| state.file_data(self.seat, transfer, bytes, link));
    }

    /// The person changed their mind.
    pub fn cancel_file(&self, transfer: u32) {
        self.exchange.with_link(|state, link| state.cancel_file(self.seat, transfer, link));
    }

    /// The person wants the file that the guest sends, or does not (any more).
    pub fn answer_file(&self, offer: u32, accept: bool) {
        self.exchange.with_link(|state, link| state.answer_file(self.seat, offer, accept, link));
    }

    /// So many of its bytes are stored.
    pub fn file_taken(&self, offer: u32, received: u64) {
        self.exchange.with_link(|state, link| state.file_taken(self.seat, offer, received, link));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.exchange.with_link(|state, link| state.leave(self.seat, link));
    }
}

impl State {
    fn post(&self, seat: SeatId, letter: impl FnOnce(&mut Mail)) {
        if let Some(seat) = self.seats.get(&seat) {
            seat.inbox.post(letter);
        }
    }

    /// Whether the exchange is this viewer's, and it is if it was nobody's.
    fn own_if_free(&mut self, seat: SeatId, link: &dyn GuestLink) -> bool {
        if self.owner.is_none() {
            self.own(seat, link);
        }
        self.owner == Some(seat)
    }

    fn own(&mut self, seat: SeatId, link: &dyn GuestLink) {
        if self.owner == Some(seat) || !self.seats.get(&seat).is_some_and(|seat| seat.acts) {
            return;
        }
        let before = self.owner.replace(seat);
        self.clipboard_moves(before, seat, link);
        self.file_out_moves(seat);
    }

    fn leave(&mut self, seat: SeatId, link: &dyn GuestLink) {
        self.seats.remove(&seat);
        self.files_leave(seat, link);
        self.file_out_leaves(seat, link);
        self.clipboard_leaves(seat, link);
        if self.owner == Some(seat) {
            self.owner = None;
        }
    }
}

/// Where there is no way to the guest.
struct Nowhere;

impl GuestLink for Nowhere {
    fn offer(&self, _: &[ContentType]) {}
    fn request(&self, _: ContentType) {}
    fn provide(&self, _: ContentType, _: Option<Vec<u8>>) {}
    fn start_file(&self, _: u32, _: &str, _: u64) {}
    fn file_data(&self, _: u32, _: &[u8]) {}
    fn cancel_file(&self, _: u32) {}
    fn take_file(&self, _: u32) {}
    fn file_taken(&self, _: u32, _: u64) {}
    fn refuse_file(&self, _: u32, _: &str) {}
}

#[cfg(test)]
mod tests;
