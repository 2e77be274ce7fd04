//! A viewer's place in the company: where it says that it is ready, and finds its frames.

use crate::budget::Allowance;
use crate::composer::{Composed, Composer};
use crate::subscription::{Answer, Subscription};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A frame for one seat; what it shows is shared.
pub struct Shared {
    /// The picture.
    pub composed: Arc<Composed>,
    /// The input of this viewer that it answers.
    pub answer: Option<Answer>,
    /// When the oldest change in it was flushed.
    pub flushed: Option<Instant>,
    /// What comparing and encoding took.
    pub encode: Duration,
}

/// A viewer is ready for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// An input waits for its answer.
    pub urgent: bool,
    /// What its line has room for.
    pub room: Room,
}

/// What a viewer's line has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// In its next frame.
    pub allowance: Allowance,
    /// The line was filled, and carries no more; otherwise that is just the least that it carries.
    pub is_known: bool,
}

/// Whose line carries this many times less than another's would hold that one back.
const PEERS: usize = 4;

impl Room {
    /// Whether others whose frames may have up to `most` bytes would be held back.
    pub(super) fn is_poor_beside(self, most: usize) -> bool {
        self.is_known && self.allowance.frame < most / PEERS
    }
}

/// One viewer's place.
pub struct Seat {
    member: Arc<Subscription>,
    rounds: Arc<Subscription>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    offer: Option<Offer>,
    frame: Option<Shared>,
    returned: Option<Composer>,
    /// The viewer wants a composer of its own.
    leaving: bool,
    /// The viewer is no more.
    gone: bool,
}

impl Seat {
    pub(super) fn new(member: Arc<Subscription>, rounds: Arc<Subscription>) -> Arc<Self> {
        Arc::new(Self { member, rounds, state: Mutex::default() })
    }

    /// The viewer is ready for a frame.
    pub fn offer(&self, urgent: bool, room: Room) {
        let offer = Some(Offer { urgent, room });
        let before = std::mem::replace(&mut self.state.lock().offer, offer);
        if before.is_none_or(|before| urgent && !before.urgent) {
            self.call();
        }
    }

    /// The frame that has come.
    pub fn take_frame(&self) -> Option<Shared> {
        self.state.lock().frame.take()
    }

    /// The viewer's own composer, once it has left: after the last frame was taken.
    pub fn take_composer(&self) -> Option<Composer> {
        let mut state = self.state.lock();
        if state.frame.is_some() { None } else { state.returned.take() }
    }

    /// The viewer wants a composer of its own again.
    pub fn leave(&self) {
        let before = std::mem::replace(&mut self.state.lock().leaving, true);
        if !before {
            self.call();
        }
    }

    /// The viewer is no more.
    pub fn vanish(&self) {
        self.state.lock().gone = true;
        self.call();
    }

    /// Has the company's thread look.
    pub(super) fn call(&self) {
        self.rounds.wake();
    }

    pub(super) fn member(&self) -> &Subscription {
        &self.member
    }

    pub(super) fn offered(&self) -> Option<Offer> {
        self.state.lock().offer
    }

    pub(super) fn is_leaving(&self) -> bool {
        let state = self.state.lock();
        state.leaving || state.gone
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state.lock().gone
    }

    /// A frame comes; the offer is used up.
    pub(super) fn give(&self, frame: Shared) {
        {
            let mut state = self.state.lock();
            state.offer = None;
            state.frame = Some(frame);
        }
        self.member.wake();
    }

    /// The viewer is on its own from now on.
    pub(super) fn give_back(&self, composer: Composer) {
        self.state.lock().returned = Some(composer);
        self.member.wake();
    }
}
