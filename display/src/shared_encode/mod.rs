//! Viewers of one screen who keep pace share one encode.
//!
//! Every viewer begins with a composer of its own. One who sees that others watch as well hands it
//! to the screen's [`EncodeGroup`] and takes a [`GroupMember`] there: a thread of the group's composes one
//! frame for all members whenever they are ready for one. Who is not ready in time is given a composer
//! of its own again, with the picture its client has, so that nobody waits for a slower line; it may
//! come back later. A viewer that watches alone never has to do with any of this.

mod group_encoder;
mod member;

pub use member::{GroupMember, MemberCapacity, SharedFrame};

use crate::inbox::ViewerInbox;
use crate::pipeline::Composer;
use crate::screen::Screen;
use group_encoder::GroupEncoder;
use parking_lot::Mutex;
use std::sync::Arc;

/// Group of the viewers of one screen that share an encoder thread.
pub struct EncodeGroup {
    screen: Arc<Screen>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the thread that serves the members, while there is one.
    inbox: Option<Arc<ViewerInbox>>,
    joining: Vec<JoiningMember>,
}

/// A viewer that joins, with the composer whose picture its client has.
struct JoiningMember {
    member: Arc<GroupMember>,
    composer: Composer,
    capacity: MemberCapacity,
}

impl EncodeGroup {
    /// An encode group of `screen` without members.
    pub fn new(screen: Arc<Screen>) -> Arc<Self> {
        Arc::new(Self { screen, state: Mutex::default() })
    }

    /// Takes in a viewer whose client shows what `composer` has sent; gives the composer back where
    /// the host has no thread for it.
    ///
    /// # Errors
    /// The composer.
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
                    tracing::warn!(%error, "no thread for viewers to share; each is served alone_since");
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

    fn take_joining(&self) -> Vec<JoiningMember> {
        std::mem::take(&mut self.state.lock().joining)
    }

    fn has_joining(&self) -> bool {
        !self.state.lock().joining.is_empty()
    }

    /// The thread ends, unless somebody has just come: the next one to come starts another.
    fn try_stop(&self) -> bool {
        let mut state = self.state.lock();
        let done = state.joining.is_empty();
        if done {
            state.inbox = None;
        }
        done
    }
}
