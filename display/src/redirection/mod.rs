//! The hub between the guest's clipboard and files and those of the viewers.
//!
//! The guest's side tells what happens in the guest by the methods below and is told by its
//! [`GuestAgentSink`]; each viewer has a [`RedirectionChannel`]. One viewer at a time owns the redirection, the one who
//! last gave input; it moves with the next input of another. Nothing here knows how a guest's agent
//! is spoken to.

mod clipboard;
mod download;
mod file_name;
mod uploads;

use crate::inbox::ViewerInbox;
use crate::outbox::Outbox;
use clipboard::Clipboard;
use download::Download;
use oriel_wire::{Abilities, Chunk, ContentType};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use uploads::Uploads;

pub use download::DownloadEvent;
pub use file_name::{Unnameable, clean as clean_file_name};
pub use uploads::UploadEvent;

/// Sink of redirection messages towards the guest's agents. No call blocks, and none calls back before it returns.
pub trait GuestAgentSink: Send + Sync {
    /// The viewers' side has something in these types to paste; nothing if there are none.
    fn offer(&self, types: &[ContentType]);
    /// Asks for what the guest offered; answered by [`RedirectionHub::guest_clipboard_data`].
    fn request(&self, content: ContentType);
    /// Answers [`RedirectionHub::guest_clipboard_request`].
    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>);
    /// A file of `size` bytes comes; its name is clean. Answered by [`RedirectionHub::upload_event`].
    fn start_upload(&self, file: u32, name: &str, size: u64);
    /// Next bytes of an upload.
    fn upload_data(&self, file: u32, bytes: &[u8]);
    /// Ends an upload before its last byte; no event of the upload is expected any more.
    fn cancel_upload(&self, file: u32);
    /// A viewer takes the file that the guest sends: its bytes are wanted.
    fn accept_download(&self, file: u32);
    /// So many of its bytes are stored with the viewer; after the last, all of them.
    fn ack_download(&self, file: u32, received: u64);
    /// The file is not wanted, or no longer; why, in one plain sentence for whoever sends it.
    fn reject_download(&self, file: u32, reason: &str);
}

/// Names a viewer at the redirection.
type ViewerId = u32;

struct ViewerState {
    inbox: Arc<ViewerInbox>,
    /// It may own the redirection.
    interactive: bool,
    /// What its user's clipboard has, and when that was said (as counted by the clipboard).
    offered: Vec<ContentType>,
    offered_at: u64,
}

#[derive(Default)]
struct State {
    abilities: Abilities,
    viewers: BTreeMap<ViewerId, ViewerState>,
    last_viewer: ViewerId,
    owner: Option<ViewerId>,
    clipboard: Clipboard,
    uploads: Uploads,
    download: Option<Download>,
}

/// Clipboard and file redirection of one desktop.
#[derive(Default)]
pub struct RedirectionHub {
    state: Mutex<State>,
    agent: OnceLock<Arc<dyn GuestAgentSink>>,
}

impl RedirectionHub {
    /// A hub whose guest has no abilities yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Sets the way to the guest; the first one stays.
    pub fn connect(&self, agent: Arc<dyn GuestAgentSink>) {
        let _ = self.agent.set(agent);
    }

    /// Changes what the guest can do, and tells every viewer.
    pub fn set_abilities(&self, change: impl FnOnce(&mut Abilities)) {
        let mut state = self.state.lock();
        let before = state.abilities;
        change(&mut state.abilities);
        let now = state.abilities;
        if now != before {
            state
                .viewers
                .values()
                .for_each(|viewer| viewer.inbox.enqueue(|outbox| outbox.abilities = Some(now)));
        }
    }

    /// The guest copied something in these types; nothing any more if there are none.
    pub fn guest_clipboard_offer(&self, types: Vec<ContentType>) {
        self.state.lock().guest_clipboard_offer(types);
    }

    /// The guest asks for contents of the clipboard that was offered to it.
    pub fn guest_clipboard_request(&self, content: ContentType) {
        self.with_agent(|state, agent| state.guest_clipboard_request(content, agent));
    }

    /// The answer to [`GuestAgentSink::request`].
    pub fn guest_clipboard_data(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.with_agent(|state, agent| state.guest_clipboard_data(content, contents, agent));
    }

    /// Takes an event of an upload.
    pub fn upload_event(&self, file: u32, news: UploadEvent) {
        self.state.lock().upload_event(file, news);
    }

    /// Takes an event of the file that the guest sends; there is one file at a time.
    pub fn download_event(&self, file: u32, news: DownloadEvent) {
        self.with_agent(|state, agent| state.download_event(file, news, agent));
    }

    /// A channel for a new viewer; `interactive` says whether it may do more than look. Ends with the guard.
    pub fn join(self: &Arc<Self>, inbox: &Arc<ViewerInbox>, interactive: bool) -> RedirectionChannel {
        let mut state = self.state.lock();
        state.last_viewer = state.last_viewer.wrapping_add(1);
        let viewer = state.last_viewer;
        let abilities = state.abilities;
        inbox.enqueue(|outbox| outbox.abilities = Some(abilities));
        state.viewers.insert(
            viewer,
            ViewerState { inbox: inbox.clone(), interactive, offered: Vec::new(), offered_at: 0 },
        );
        drop(state);
        let channel = RedirectionChannel { redirection: self.clone(), viewer };
        channel.redirection.with_agent(|state, agent| {
            state.own_if_free(viewer, agent);
        });
        channel
    }

    fn with_agent(&self, act: impl FnOnce(&mut State, &dyn GuestAgentSink)) {
        let agent = self.agent.get().map_or(&NullAgent as &dyn GuestAgentSink, |agent| &**agent);
        act(&mut self.state.lock(), agent);
    }
}

/// A viewer's channel at the redirection; dropping it takes along what it owns.
pub struct RedirectionChannel {
    redirection: Arc<RedirectionHub>,
    viewer: ViewerId,
}

impl RedirectionChannel {
    /// The user did something: the redirection is theirs.
    pub fn acted(&self) {
        if self.redirection.state.lock().owner != Some(self.viewer) {
            self.redirection.with_agent(|state, agent| state.own(self.viewer, agent));
        }
    }

    /// The user's clipboard has something in these types.
    pub fn offer(&self, types: Vec<ContentType>) {
        self.redirection.with_agent(|state, agent| state.viewer_offers(self.viewer, types, agent));
    }

    /// The user pastes what the guest offered.
    pub fn request(&self, request: u32, content: ContentType) {
        self.redirection.with_agent(|state, agent| state.viewer_wants(self.viewer, request, content, agent));
    }

    /// A piece of what the guest asked for.
    pub fn provide(&self, piece: Chunk) {
        self.redirection.with_agent(|state, agent| state.viewer_provides(self.viewer, piece, agent));
    }

    /// The user sends a file.
    pub fn start_upload(&self, transfer: u32, size: u64, name: &str) {
        self.redirection
            .with_agent(|state, agent| state.start_upload(self.viewer, transfer, size, name, agent));
    }

    /// Takes the next bytes of an upload.
    pub fn upload_data(&self, transfer: u32, bytes: &[u8]) {
        self.redirection.with_agent(|state, agent| state.upload_data(self.viewer, transfer, bytes, agent));
    }

    /// Cancels an upload.
    pub fn cancel_upload(&self, transfer: u32) {
        self.redirection.with_agent(|state, agent| state.cancel_upload(self.viewer, transfer, agent));
    }

    /// The user wants the file that the guest sends, or does not (any more).
    pub fn answer_download(&self, offer: u32, accept: bool) {
        self.redirection.with_agent(|state, agent| state.answer_download(self.viewer, offer, accept, agent));
    }

    /// Acknowledges the number of a download's bytes that the client has stored.
    pub fn ack_download(&self, offer: u32, received: u64) {
        self.redirection.with_agent(|state, agent| state.ack_download(self.viewer, offer, received, agent));
    }
}

impl Drop for RedirectionChannel {
    fn drop(&mut self) {
        self.redirection.with_agent(|state, agent| state.leave(self.viewer, agent));
    }
}

impl State {
    fn enqueue(&self, viewer: ViewerId, message: impl FnOnce(&mut Outbox)) {
        if let Some(viewer) = self.viewers.get(&viewer) {
            viewer.inbox.enqueue(message);
        }
    }

    /// Whether the redirection is this viewer's, and it is if it was nobody's.
    fn own_if_free(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) -> bool {
        if self.owner.is_none() {
            self.own(viewer, agent);
        }
        self.owner == Some(viewer)
    }

    fn own(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        if self.owner == Some(viewer) || !self.viewers.get(&viewer).is_some_and(|viewer| viewer.interactive) {
            return;
        }
        let before = self.owner.replace(viewer);
        self.assign_clipboard(before, viewer, agent);
        self.assign_download(viewer);
    }

    fn leave(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        self.viewers.remove(&viewer);
        self.viewer_left_uploads(viewer, agent);
        self.viewer_left_download(viewer, agent);
        self.viewer_left_clipboard(viewer, agent);
        if self.owner == Some(viewer) {
            self.owner = None;
        }
    }
}

/// Where there is no way to the guest.
struct NullAgent;

impl GuestAgentSink for NullAgent {
    fn offer(&self, _: &[ContentType]) {}
    fn request(&self, _: ContentType) {}
    fn provide(&self, _: ContentType, _: Option<Vec<u8>>) {}
    fn start_upload(&self, _: u32, _: &str, _: u64) {}
    fn upload_data(&self, _: u32, _: &[u8]) {}
    fn cancel_upload(&self, _: u32) {}
    fn accept_download(&self, _: u32) {}
    fn ack_download(&self, _: u32, _: u64) {}
    fn reject_download(&self, _: u32, _: &str) {}
}

#[cfg(test)]
mod tests;
