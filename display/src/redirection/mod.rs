//! Redirection hub: connects the clipboard and files of the guest with those of viewers.
//!
//! The guest's agents report events by methods of [`RedirectionHub`] and receive commands by their
//! [`GuestAgentSink`]; each viewer has a [`RedirectionChannel`]. One viewer at a time owns the redirection,
//! the one with the newest input. The protocols of the agents are not part of this module.

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

/// Sink of redirection messages to the guest's agents. Calls must not block, nor call the hub before they
/// return.
pub trait GuestAgentSink: Send + Sync {
    /// Offers the owner's clipboard in these types for pasting in the guest; an empty list withdraws the
    /// offer.
    fn offer(&self, types: &[ContentType]);
    /// Requests contents of the guest's clipboard; answered by [`RedirectionHub::guest_clipboard_data`].
    fn request(&self, content: ContentType);
    /// Answers [`RedirectionHub::guest_clipboard_request`]; `None` if there are no contents.
    fn provide(&self, content: ContentType, contents: Option<Vec<u8>>);
    /// Begins the upload of file number `file` with `size` bytes; `name` is valid in the guest. Answered by
    /// [`RedirectionHub::upload_event`].
    fn start_upload(&self, file: u32, name: &str, size: u64);
    /// Passes the next bytes of an upload.
    fn upload_data(&self, file: u32, bytes: &[u8]);
    /// Cancels an upload; no further event of the upload is expected.
    fn cancel_upload(&self, file: u32);
    /// Accepts the file that the guest sends, and so requests its bytes.
    fn accept_download(&self, file: u32);
    /// Acknowledges that the client has stored the first `received` bytes of the file; equal to the size once
    /// all are stored.
    fn ack_download(&self, file: u32, received: u64);
    /// Rejects or cancels the file that the guest sends; `reason` is one plain sentence for the sender.
    fn reject_download(&self, file: u32, reason: &str);
}

/// Number of a viewer in the hub.
type ViewerId = u32;

/// Viewer in the hub.
struct ViewerState {
    inbox: Arc<ViewerInbox>,
    /// True if the viewer may own the redirection.
    interactive: bool,
    /// Content types of the clipboard of the viewer's user.
    offered: Vec<ContentType>,
    /// Time of that offer, counted by the clipboard.
    offered_at: u64,
}

#[derive(Default)]
/// State of the hub under its lock.
struct State {
    abilities: Abilities,
    viewers: BTreeMap<ViewerId, ViewerState>,
    last_viewer: ViewerId,
    /// Viewer that owns the redirection.
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
    /// Creates a hub whose guest has no abilities yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Sets the sink of the guest's agents; only the first call has an effect.
    pub fn connect(&self, agent: Arc<dyn GuestAgentSink>) {
        let _ = self.agent.set(agent);
    }

    /// Changes the abilities of the guest's agents and sends them to every viewer.
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

    /// Reports that the guest's clipboard has contents in these types; an empty list if it has none any more.
    pub fn guest_clipboard_offer(&self, types: Vec<ContentType>) {
        self.state.lock().guest_clipboard_offer(types);
    }

    /// Reports that the guest requests contents of the clipboard that was offered to it.
    pub fn guest_clipboard_request(&self, content: ContentType) {
        self.with_agent(|state, agent| state.guest_clipboard_request(content, agent));
    }

    /// Answers [`GuestAgentSink::request`] with the contents; `None` if there are none.
    pub fn guest_clipboard_data(&self, content: ContentType, contents: Option<Vec<u8>>) {
        self.with_agent(|state, agent| state.guest_clipboard_data(content, contents, agent));
    }

    /// Processes an event of an upload.
    pub fn upload_event(&self, file: u32, news: UploadEvent) {
        self.state.lock().upload_event(file, news);
    }

    /// Processes an event of the file that the guest sends; there is one file at a time.
    pub fn download_event(&self, file: u32, news: DownloadEvent) {
        self.with_agent(|state, agent| state.download_event(file, news, agent));
    }

    /// Adds a viewer; only an `interactive` one may own the redirection. The channel removes the viewer when
    /// dropped.
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

    /// Calls `act` with the locked state and the sink of the guest's agents.
    fn with_agent(&self, act: impl FnOnce(&mut State, &dyn GuestAgentSink)) {
        let agent = self.agent.get().map_or(&NullAgent as &dyn GuestAgentSink, |agent| &**agent);
        act(&mut self.state.lock(), agent);
    }
}

/// Channel of one viewer to the hub; dropping it removes the viewer's offers and transfers.
pub struct RedirectionChannel {
    redirection: Arc<RedirectionHub>,
    viewer: ViewerId,
}

impl RedirectionChannel {
    /// Records input of the viewer, which makes it the owner of the redirection.
    pub fn acted(&self) {
        if self.redirection.state.lock().owner != Some(self.viewer) {
            self.redirection.with_agent(|state, agent| state.own(self.viewer, agent));
        }
    }

    /// Reports that the user's clipboard has contents in these types; empty if none.
    pub fn offer(&self, types: Vec<ContentType>) {
        self.redirection.with_agent(|state, agent| state.viewer_offers(self.viewer, types, agent));
    }

    /// Requests contents of the guest's clipboard, answered by `ClipboardData` with the number `request`.
    pub fn request(&self, request: u32, content: ContentType) {
        self.redirection.with_agent(|state, agent| state.viewer_wants(self.viewer, request, content, agent));
    }

    /// Passes a chunk of contents that the guest requested.
    pub fn provide(&self, piece: Chunk) {
        self.redirection.with_agent(|state, agent| state.viewer_provides(self.viewer, piece, agent));
    }

    /// Begins the upload of a file of `size` bytes; `transfer` is the client's number of it.
    pub fn start_upload(&self, transfer: u32, size: u64, name: &str) {
        self.redirection
            .with_agent(|state, agent| state.start_upload(self.viewer, transfer, size, name, agent));
    }

    /// Passes the next bytes of an upload.
    pub fn upload_data(&self, transfer: u32, bytes: &[u8]) {
        self.redirection.with_agent(|state, agent| state.upload_data(self.viewer, transfer, bytes, agent));
    }

    /// Cancels an upload.
    pub fn cancel_upload(&self, transfer: u32) {
        self.redirection.with_agent(|state, agent| state.cancel_upload(self.viewer, transfer, agent));
    }

    /// Accepts or declines the file that the guest sends, or cancels a download that was accepted.
    pub fn answer_download(&self, offer: u32, accept: bool) {
        self.redirection.with_agent(|state, agent| state.answer_download(self.viewer, offer, accept, agent));
    }

    /// Acknowledges that the client has stored the first `received` bytes of a download.
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
    /// Adds a message to a viewer's outbox.
    fn enqueue(&self, viewer: ViewerId, message: impl FnOnce(&mut Outbox)) {
        if let Some(viewer) = self.viewers.get(&viewer) {
            viewer.inbox.enqueue(message);
        }
    }

    /// Makes the viewer the owner if there is none; reports whether it is the owner.
    fn own_if_free(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) -> bool {
        if self.owner.is_none() {
            self.own(viewer, agent);
        }
        self.owner == Some(viewer)
    }

    /// Makes an interactive viewer the owner, and assigns clipboard and pending download to it.
    fn own(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        if self.owner == Some(viewer) || !self.viewers.get(&viewer).is_some_and(|viewer| viewer.interactive) {
            return;
        }
        let before = self.owner.replace(viewer);
        self.assign_clipboard(before, viewer, agent);
        self.assign_download(viewer);
    }

    /// Removes a viewer, with its transfers and offers.
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

/// Sink for a guest without agents: ignores everything.
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
