//! Clipboard redirection: which clipboard counts, and contents on their way between guest and viewers.

use super::{GuestAgentSink, State, ViewerId};
use crate::outbox::MAX_TRANSFERS;
use oriel_wire::{Chunk, ContentType, MAX_CONTENTS};
use std::collections::VecDeque;
use std::sync::Arc;

/// Holder of the newest clipboard contents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    /// No contents.
    Nobody,
    /// The guest.
    Guest,
    /// A viewer.
    Viewer(ViewerId),
}

/// Request of the guest for a viewer's clipboard.
#[derive(Debug)]
struct GuestRequest {
    viewer: ViewerId,
    request: u32,
    content: ContentType,
    /// Bytes received so far.
    contents: Vec<u8>,
}

/// Request of a viewer for the guest's clipboard.
#[derive(Debug)]
struct Paste {
    viewer: ViewerId,
    request: u32,
    content: ContentType,
}

#[derive(Debug, Default)]
/// State of the clipboard redirection.
pub(super) struct Clipboard {
    holder: Holder,
    /// Content types of the guest's clipboard.
    guest: Vec<ContentType>,
    /// Time of the guest's offer by `clock`.
    guest_at: u64,
    /// Logical time, advanced with each offer.
    clock: u64,
    /// Number of the last request to a viewer.
    last_request: u32,
    /// Requests of the guest, one for each type at most.
    guest_requests: Vec<GuestRequest>,
    /// Requests of viewers, oldest first.
    pastes: VecDeque<Paste>,
    /// Type that is requested from the guest now; one at a time.
    awaited: Option<ContentType>,
}

impl Clipboard {
    /// Advances the logical time and returns it.
    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }
}

impl State {
    /// Processes an offer of the guest's clipboard.
    pub(super) fn guest_clipboard_offer(&mut self, types: Vec<ContentType>) {
        let clipboard = &mut self.clipboard;
        if !types.is_empty() {
            clipboard.holder = Holder::Guest;
            clipboard.guest_at = clipboard.tick();
            clipboard.guest_requests.clear();
        } else if clipboard.holder == Holder::Guest {
            clipboard.holder = Holder::Nobody;
        }
        self.send_offer(types);
    }

    /// Sends the guest's content types to the owner.
    fn send_offer(&mut self, types: Vec<ContentType>) {
        if self.clipboard.guest == types && types.is_empty() {
            return;
        }
        self.clipboard.guest.clone_from(&types);
        if let Some(owner) = self.owner {
            self.enqueue(owner, |outbox| outbox.offer = Some(types));
        }
    }

    /// Passes a request of the guest to the viewer that holds the clipboard, or answers that there is
    /// nothing.
    pub(super) fn guest_clipboard_request(&mut self, content: ContentType, agent: &dyn GuestAgentSink) {
        let Holder::Viewer(viewer) = self.clipboard.holder else { return agent.provide(content, None) };
        let clipboard = &mut self.clipboard;
        clipboard.last_request = clipboard.last_request.wrapping_add(1);
        let request = clipboard.last_request;
        clipboard.guest_requests.retain(|request| request.content != content);
        clipboard.guest_requests.push(GuestRequest { viewer, request, content, contents: Vec::new() });
        self.enqueue(viewer, |outbox| {
            outbox.requests.retain(|(_, requested)| *requested != content);
            outbox.requests.push((request, content));
        });
    }

    /// Processes a chunk of contents from a viewer; contents over [`MAX_CONTENTS`] are refused.
    pub(super) fn viewer_provides(&mut self, viewer: ViewerId, chunk: Chunk, agent: &dyn GuestAgentSink) {
        let guest_requests = &mut self.clipboard.guest_requests;
        // An answer to a request that was replaced is not an error.
        let mine = |one: &GuestRequest| one.viewer == viewer && one.request == chunk.request;
        let Some(at) = guest_requests.iter().position(mine) else { return };
        let Some(one) = guest_requests.get_mut(at) else { return };
        let too_long = one.contents.len().saturating_add(chunk.bytes.len()) > MAX_CONTENTS;
        if chunk.failed || too_long {
            let content = guest_requests.swap_remove(at).content;
            return agent.provide(content, None);
        }
        one.contents.extend_from_slice(&chunk.bytes);
        if chunk.last {
            let GuestRequest { content, contents, .. } = guest_requests.swap_remove(at);
            agent.provide(content, Some(contents));
        }
    }

    /// Processes an offer of a viewer's clipboard.
    pub(super) fn viewer_offers(
        &mut self,
        viewer: ViewerId,
        types: Vec<ContentType>,
        agent: &dyn GuestAgentSink,
    ) {
        let now = self.clipboard.tick();
        let Some(channel) = self.viewers.get_mut(&viewer) else { return };
        channel.offered.clone_from(&types);
        channel.offered_at = now;
        if self.own_if_free(viewer, agent) {
            self.hold(viewer, &types, agent);
        }
    }

    /// Makes a viewer's clipboard the one that the guest pastes; an empty list withdraws it.
    fn hold(&mut self, viewer: ViewerId, types: &[ContentType], agent: &dyn GuestAgentSink) {
        if !types.is_empty() {
            self.clipboard.holder = Holder::Viewer(viewer);
            self.send_offer(Vec::new());
        } else if self.clipboard.holder == Holder::Viewer(viewer) {
            self.clipboard.holder = Holder::Nobody;
        } else {
            return;
        }
        self.clipboard.guest_requests.clear();
        agent.offer(types);
    }

    /// Processes a viewer's request for the guest's clipboard; refused for a viewer that is not the owner or
    /// has two requests pending.
    pub(super) fn viewer_wants(
        &mut self,
        viewer: ViewerId,
        request: u32,
        content: ContentType,
        agent: &dyn GuestAgentSink,
    ) {
        let on_the_way = self.clipboard.pastes.iter().filter(|paste| paste.viewer == viewer).count()
            + self
                .viewers
                .get(&viewer)
                .map_or(0, |channel| channel.inbox.with_outbox(|outbox| outbox.transfers()));
        let mine = self.own_if_free(viewer, agent);
        if !mine || !self.clipboard.guest.contains(&content) || on_the_way >= MAX_TRANSFERS {
            return self.enqueue(viewer, |outbox| outbox.put_contents(request, None));
        }
        self.clipboard.pastes.push_back(Paste { viewer, request, content });
        self.request_from_guest(agent);
    }

    /// Requests the next type from the guest if no request is pending.
    fn request_from_guest(&mut self, agent: &dyn GuestAgentSink) {
        let clipboard = &mut self.clipboard;
        if let (None, Some(next)) = (clipboard.awaited, clipboard.pastes.front()) {
            clipboard.awaited = Some(next.content);
            agent.request(next.content);
        }
    }

    /// Sends contents of the guest's clipboard to all viewers that requested their type.
    pub(super) fn guest_clipboard_data(
        &mut self,
        content: ContentType,
        contents: Option<Vec<u8>>,
        agent: &dyn GuestAgentSink,
    ) {
        if self.clipboard.awaited.take_if(|awaited| *awaited == content).is_none() {
            return;
        }
        let contents = contents.filter(|contents| contents.len() <= MAX_CONTENTS).map(Arc::new);
        let pastes = std::mem::take(&mut self.clipboard.pastes);
        for paste in pastes {
            if paste.content == content {
                self.enqueue(paste.viewer, |outbox| outbox.put_contents(paste.request, contents.clone()));
            } else {
                self.clipboard.pastes.push_back(paste);
            }
        }
        self.request_from_guest(agent);
    }

    /// Assigns the clipboard to a new owner: the newest of the guest's and the owner's contents counts.
    pub(super) fn assign_clipboard(
        &mut self,
        before: Option<ViewerId>,
        to: ViewerId,
        agent: &dyn GuestAgentSink,
    ) {
        let guest = self.clipboard.guest.clone();
        if let (Some(before), false) = (before, guest.is_empty()) {
            self.enqueue(before, |outbox| outbox.offer = Some(Vec::new()));
        }
        let (types, at) = self
            .viewers
            .get(&to)
            .map_or((Vec::new(), 0), |viewer| (viewer.offered.clone(), viewer.offered_at));
        if !types.is_empty() && (self.clipboard.holder != Holder::Guest || at > self.clipboard.guest_at) {
            self.hold(to, &types, agent);
        } else if !guest.is_empty() {
            self.enqueue(to, |outbox| outbox.offer = Some(guest));
        } else if let Holder::Viewer(holder) = self.clipboard.holder {
            self.hold(holder, &[], agent);
        }
    }

    /// Removes a viewer's offer and its requests.
    pub(super) fn viewer_left_clipboard(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        self.clipboard.pastes.retain(|paste| paste.viewer != viewer);
        if self.clipboard.holder == Holder::Viewer(viewer) {
            self.hold(viewer, &[], agent);
        }
    }
}
