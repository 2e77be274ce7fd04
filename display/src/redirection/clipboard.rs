//! Whose clipboard counts, and contents on their way.

use super::{GuestAgentSink, State, ViewerId};
use crate::outbox::MAX_TRANSFERS;
use oriel_wire::{Chunk, ContentType, MAX_CONTENTS};
use std::collections::VecDeque;
use std::sync::Arc;

/// Who copied last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    Nobody,
    Guest,
    Viewer(ViewerId),
}

/// What the guest asked of a viewer.
#[derive(Debug)]
struct GuestRequest {
    viewer: ViewerId,
    request: u32,
    content: ContentType,
    contents: Vec<u8>,
}

/// What a viewer asked of the guest.
#[derive(Debug)]
struct Paste {
    viewer: ViewerId,
    request: u32,
    content: ContentType,
}

#[derive(Debug, Default)]
pub(super) struct Clipboard {
    holder: Holder,
    guest: Vec<ContentType>,
    /// When the guest copied, among all who did.
    guest_at: u64,
    clock: u64,
    last_request: u32,
    /// One of each type at most.
    guest_requests: Vec<GuestRequest>,
    pastes: VecDeque<Paste>,
    /// What the guest is asked for now: one type at a time.
    awaited: Option<ContentType>,
}

impl Clipboard {
    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }
}

impl State {
    pub(super) fn guest_clipboard_offer(&mut self, types: Vec<ContentType>) {
        let clipboard = &mut self.clipboard;
        if !types.is_empty() {
            clipboard.holder = Holder::Guest;
            clipboard.guest_at = clipboard.tick();
            clipboard.guest_requests.clear();
        } else if clipboard.holder == Holder::Guest {
            clipboard.holder = Holder::Nobody;
        }
        self.tell_offer(types);
    }

    /// The owner hears what the guest has.
    fn tell_offer(&mut self, types: Vec<ContentType>) {
        if self.clipboard.guest == types && types.is_empty() {
            return;
        }
        self.clipboard.guest.clone_from(&types);
        if let Some(owner) = self.owner {
            self.enqueue(owner, |outbox| outbox.offer = Some(types));
        }
    }

    pub(super) fn guest_clipboard_request(&mut self, content: ContentType, agent: &dyn GuestAgentSink) {
        let Holder::Viewer(viewer) = self.clipboard.holder else { return agent.provide(content, None) };
        let clipboard = &mut self.clipboard;
        clipboard.last_request = clipboard.last_request.wrapping_add(1);
        let request = clipboard.last_request;
        clipboard.guest_requests.retain(|asked| asked.content != content);
        clipboard.guest_requests.push(GuestRequest { viewer, request, content, contents: Vec::new() });
        self.enqueue(viewer, |outbox| {
            outbox.requests.retain(|(_, asked)| *asked != content);
            outbox.requests.push((request, content));
        });
    }

    pub(super) fn viewer_provides(&mut self, viewer: ViewerId, chunk: Chunk, agent: &dyn GuestAgentSink) {
        let guest_requests = &mut self.clipboard.guest_requests;
        // An answer to what nobody asks for any more is nobody's fault.
        let mine = |asked: &GuestRequest| asked.viewer == viewer && asked.request == chunk.request;
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

    /// The viewer's clipboard is what the guest pastes from now on.
    fn hold(&mut self, viewer: ViewerId, types: &[ContentType], agent: &dyn GuestAgentSink) {
        if !types.is_empty() {
            self.clipboard.holder = Holder::Viewer(viewer);
            self.tell_offer(Vec::new());
        } else if self.clipboard.holder == Holder::Viewer(viewer) {
            self.clipboard.holder = Holder::Nobody;
        } else {
            return;
        }
        self.clipboard.guest_requests.clear();
        agent.offer(types);
    }

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
        self.ask_guest(agent);
    }

    fn ask_guest(&mut self, agent: &dyn GuestAgentSink) {
        let clipboard = &mut self.clipboard;
        if let (None, Some(next)) = (clipboard.awaited, clipboard.pastes.front()) {
            clipboard.awaited = Some(next.content);
            agent.request(next.content);
        }
    }

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
        self.ask_guest(agent);
    }

    /// The redirection is another viewer's now: the newest of the guest's clipboard and theirs counts.
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

    /// A viewer left: what it had is gone, and what it asked for is wanted by nobody.
    pub(super) fn viewer_left_clipboard(&mut self, viewer: ViewerId, agent: &dyn GuestAgentSink) {
        self.clipboard.pastes.retain(|paste| paste.viewer != viewer);
        if self.clipboard.holder == Holder::Viewer(viewer) {
            self.hold(viewer, &[], agent);
        }
    }
}
