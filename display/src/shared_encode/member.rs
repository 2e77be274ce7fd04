//! Membership of a viewer in an encode group: passes frame requests to the encoder thread and composed frames
//! to the viewer's writer.

use crate::inbox::ViewerInbox;
use crate::latency::InputTrace;
use crate::pipeline::frame_budget::Allowance;
use crate::pipeline::{Composed, Composer};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Frame for one member, with updates shared by all members.
pub struct SharedFrame {
    /// Updates of the frame.
    pub composed: Arc<Composed>,
    /// Trace of this viewer's input that the frame answers.
    pub trace: Option<InputTrace>,
    /// Time of the oldest flush that the frame covers.
    pub flushed: Option<Instant>,
    /// Elapsed time of comparing and encoding.
    pub encode: Duration,
}

/// Request of a viewer that is ready for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRequest {
    /// True if an input waits for its answer.
    pub urgent: bool,
    /// Capacity of the viewer's connection.
    pub capacity: MemberCapacity,
}

/// Capacity of a viewer's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberCapacity {
    /// Byte limits of the next frame.
    pub allowance: Allowance,
    /// True if the line was filled, so that the limits are not just a lower bound.
    pub is_known: bool,
}

/// Ratio of two viewers' frame sizes from which the slower one may not share an encode, as it would hold back
/// the other.
const MAX_CAPACITY_RATIO: usize = 4;

impl MemberCapacity {
    /// Reports whether this viewer would hold back others whose frames may have up to `most` bytes.
    pub(super) fn is_far_below(self, most: usize) -> bool {
        self.is_known && self.allowance.frame < most / MAX_CAPACITY_RATIO
    }
}

/// Membership of one viewer in an encode group.
pub struct GroupMember {
    inbox: Arc<ViewerInbox>,
    /// Inbox of the encoder thread.
    encoder_inbox: Arc<ViewerInbox>,
    state: Mutex<State>,
}

#[derive(Default)]
/// State of a membership under its lock.
struct State {
    /// Request for a frame that was not delivered yet.
    request: Option<FrameRequest>,
    /// Frame that the viewer's writer has not taken yet.
    frame: Option<SharedFrame>,
    /// Composer for the viewer after it left the group.
    returned: Option<Composer>,
    /// True if the viewer requests a composer of its own.
    leaving: bool,
    /// True once the viewer's connection has ended.
    disconnected: bool,
}

impl GroupMember {
    /// Creates a membership that connects the inboxes of the viewer and the encoder thread.
    pub(super) fn new(inbox: Arc<ViewerInbox>, encoder_inbox: Arc<ViewerInbox>) -> Arc<Self> {
        Arc::new(Self { inbox, encoder_inbox, state: Mutex::default() })
    }

    /// Requests the viewer's next frame; `urgent` if an input waits for its answer.
    pub fn request_frame(&self, urgent: bool, capacity: MemberCapacity) {
        let request = Some(FrameRequest { urgent, capacity });
        let before = std::mem::replace(&mut self.state.lock().request, request);
        if before.is_none_or(|before| urgent && !before.urgent) {
            self.wake_encoder();
        }
    }

    /// Takes the frame that the encoder thread delivered.
    pub fn take_frame(&self) -> Option<SharedFrame> {
        self.state.lock().frame.take()
    }

    /// Takes the viewer's composer after the membership ended; `None` before that and until the last frame
    /// was taken.
    pub fn take_composer(&self) -> Option<Composer> {
        let mut state = self.state.lock();
        if state.frame.is_some() { None } else { state.returned.take() }
    }

    /// Requests to leave the group, for a composer of the viewer's own.
    pub fn request_leave(&self) {
        let before = std::mem::replace(&mut self.state.lock().leaving, true);
        if !before {
            self.wake_encoder();
        }
    }

    /// Ends the membership because the viewer's connection has ended.
    pub fn disconnect(&self) {
        self.state.lock().disconnected = true;
        self.wake_encoder();
    }

    /// Wakes the encoder thread.
    pub(super) fn wake_encoder(&self) {
        self.encoder_inbox.wake();
    }

    /// Returns the viewer's inbox.
    pub(super) fn inbox(&self) -> &ViewerInbox {
        &self.inbox
    }

    /// Returns the viewer's request for a frame; `None` if it is not ready for one.
    pub(super) fn frame_request(&self) -> Option<FrameRequest> {
        self.state.lock().request
    }

    /// Reports whether the viewer requests to leave or has disconnected.
    pub(super) fn is_leaving(&self) -> bool {
        let state = self.state.lock();
        state.leaving || state.disconnected
    }

    /// Reports whether the viewer's connection has ended.
    pub(super) fn is_disconnected(&self) -> bool {
        self.state.lock().disconnected
    }

    /// Delivers a frame and clears the viewer's request.
    pub(super) fn deliver(&self, frame: SharedFrame) {
        {
            let mut state = self.state.lock();
            state.request = None;
            state.frame = Some(frame);
        }
        self.inbox.wake();
    }

    /// Ends the membership by returning a composer to the viewer.
    pub(super) fn return_composer(&self, composer: Composer) {
        self.state.lock().returned = Some(composer);
        self.inbox.wake();
    }
}
