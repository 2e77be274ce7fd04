//! Shared encoding: viewers of one screen that keep pace receive the same frames, composed once.
//!
//! Every viewer begins with a composer of its own. With other viewers present, it hands the composer to the
//! screen's [`EncodeGroup`] and becomes a [`GroupMember`]. A thread of the group composes one frame for all
//! members that are ready. A member that is not ready in time receives a composer of its own, with the
//! picture its client has, so that nobody waits for a slower line. It may join again later. A single viewer
//! uses none of this.

mod group_encoder;
mod member;

pub use member::{GroupMember, MemberCapacity, SharedFrame};

use crate::inbox::ViewerInbox;
use crate::pipeline::Composer;
use crate::screen::Screen;
use group_encoder::GroupEncoder;
use parking_lot::Mutex;
use std::sync::Arc;

/// Group of viewers of one screen that share an encoder thread.
pub struct EncodeGroup {
    screen: Arc<Screen>,
    state: Mutex<State>,
}

#[derive(Default)]
/// State of a group under its lock.
struct State {
    /// Inbox of the encoder thread; `None` while there is no thread.
    inbox: Option<Arc<ViewerInbox>>,
    /// Viewers that the thread has not admitted yet.
    joining: Vec<JoiningMember>,
}

/// Viewer that joins, with the composer whose picture its client has.
struct JoiningMember {
    member: Arc<GroupMember>,
    composer: Composer,
    capacity: MemberCapacity,
}

impl EncodeGroup {
    /// Creates an encode group of `screen` without members.
    pub fn new(screen: Arc<Screen>) -> Arc<Self> {
        Arc::new(Self { screen, state: Mutex::default() })
    }

    /// Adds a viewer whose client shows the picture of `composer`; starts the encoder thread for the first
    /// one.
    ///
    /// # Errors
    /// Returns the composer when no thread can be started.
    pub fn join(
        self: &Arc<Self>,
        inbox: Arc<ViewerInbox>,
        composer: Composer,
        capacity: MemberCapacity,
    ) -> Result<Arc<GroupMember>, Box<Composer>> {
        let mut state = self.state.lock();
        let encoder_inbox = match &state.inbox {
            Some(encoder_inbox) => Arc::clone(encoder_inbox),
            None => {
                let subscribed = self.screen.subscribe_for_group();
                let encoder_inbox = Arc::clone(subscribed.inbox());
                let served = GroupEncoder::new(Arc::clone(self), Arc::clone(&self.screen), subscribed);
                let thread = std::thread::Builder::new().name("viewers".to_owned());
                if let Err(error) = thread.spawn(move || served.run()) {
                    tracing::warn!(%error, "an encode group has no thread; each viewer encodes alone");
                    return Err(Box::new(composer));
                }
                state.inbox = Some(Arc::clone(&encoder_inbox));
                encoder_inbox
            }
        };
        let member = GroupMember::new(inbox, encoder_inbox);
        state.joining.push(JoiningMember { member: Arc::clone(&member), composer, capacity });
        drop(state);
        member.wake_encoder();
        Ok(member)
    }

    /// Takes the viewers that wait to be admitted.
    fn take_joining(&self) -> Vec<JoiningMember> {
        std::mem::take(&mut self.state.lock().joining)
    }

    /// Reports whether viewers wait to be admitted.
    fn has_joining(&self) -> bool {
        !self.state.lock().joining.is_empty()
    }

    /// Ends the thread's registration and returns true, unless viewers wait to be admitted. The next viewer
    /// starts another thread.
    fn try_stop(&self) -> bool {
        let mut state = self.state.lock();
        let done = state.joining.is_empty();
        if done {
            state.inbox = None;
        }
        done
    }
}
