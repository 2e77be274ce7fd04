//! A viewer's membership in the encode group: it asks for frames here and finds them here.

use crate::inbox::ViewerInbox;
use crate::latency::InputTrace;
use crate::pipeline::frame_budget::Allowance;
use crate::pipeline::{Composed, Composer};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A frame for one member; what it shows is shared.
pub struct SharedFrame {
    /// Updates, shared by all members.
    pub composed: Arc<Composed>,
    /// Trace of this viewer's input that the frame answers.
    pub trace: Option<InputTrace>,
    /// When the oldest change in it was flushed.
    pub flushed: Option<Instant>,
    /// Time that comparing and encoding took.
    pub encode: Duration,
}

/// Request of a viewer that is ready for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRequest {
    /// An input waits for its answer.
    pub urgent: bool,
    /// Capacity of the viewer's connection.
    pub capacity: MemberCapacity,
}

/// Capacity of a viewer's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberCapacity {
    /// Bytes for the next frame.
    pub allowance: Allowance,
    /// The line was filled, and carries no more; otherwise that is just the least that it carries.
    pub is_known: bool,
}

/// Whose line carries this many times less than another's would hold that one back.
const MAX_CAPACITY_RATIO: usize = 4;

impl MemberCapacity {
    /// Whether others whose frames may have up to `most` bytes would be held back.
    pub(super) fn is_far_below(self, most: usize) -> bool {
        self.is_known && self.allowance.frame < most / MAX_CAPACITY_RATIO
    }
}

/// Membership of one viewer in an encode group.
pub struct GroupMember {
    inbox: Arc<ViewerInbox>,
    encoder_inbox: Arc<ViewerInbox>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    request: Option<FrameRequest>,
    frame: Option<SharedFrame>,
    returned: Option<Composer>,
    /// The viewer wants a composer of its own.
    leaving: bool,
    /// Ends the membership: the viewer's connection is gone.
    disconnected: bool,
}

impl GroupMember {
    pub(super) fn new(inbox: Arc<ViewerInbox>, encoder_inbox: Arc<ViewerInbox>) -> Arc<Self> {
        Arc::new(Self { inbox, encoder_inbox, state: Mutex::default() })
    }

    /// Asks the group's encoder for the viewer's next frame.
    pub fn request_frame(&self, urgent: bool, capacity: MemberCapacity) {
        let request = Some(FrameRequest { urgent, capacity });
        let before = std::mem::replace(&mut self.state.lock().request, request);
        if before.is_none_or(|before| urgent && !before.urgent) {
            self.wake_encoder();
        }
    }

    /// Takes the frame that the group's encoder delivered.
    pub fn take_frame(&self) -> Option<SharedFrame> {
        self.state.lock().frame.take()
    }

    /// The viewer's own composer, once it has left: after the last frame was taken.
    pub fn take_composer(&self) -> Option<Composer> {
        let mut state = self.state.lock();
        if state.frame.is_some() { None } else { state.returned.take() }
    }

    /// The viewer wants a composer of its own again.
    pub fn request_leave(&self) {
        let before = std::mem::replace(&mut self.state.lock().leaving, true);
        if !before {
            self.wake_encoder();
        }
    }

    /// Ends the membership: the viewer's connection is gone.
    pub fn disconnect(&self) {
        self.state.lock().disconnected = true;
        self.wake_encoder();
    }

    /// Wakes the group's encoder thread.
    pub(super) fn wake_encoder(&self) {
        self.encoder_inbox.wake();
    }

    pub(super) fn inbox(&self) -> &ViewerInbox {
        &self.inbox
    }

    pub(super) fn frame_request(&self) -> Option<FrameRequest> {
        self.state.lock().request
    }

    pub(super) fn is_leaving(&self) -> bool {
        let state = self.state.lock();
        state.leaving || state.disconnected
    }

    pub(super) fn is_disconnected(&self) -> bool {
        self.state.lock().disconnected
    }

    /// Delivers a frame; the viewer's request is used up.
    pub(super) fn deliver(&self, frame: SharedFrame) {
        {
            let mut state = self.state.lock();
            state.request = None;
            state.frame = Some(frame);
        }
        self.inbox.wake();
    }

    /// Gives the viewer a composer of its own, and ends the membership.
    pub(super) fn return_composer(&self, composer: Composer) {
        self.state.lock().returned = Some(composer);
        self.inbox.wake();
    }
}
