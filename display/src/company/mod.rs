//! Viewers of one screen who keep pace share one encode.
//!
//! Every viewer begins with a composer of its own. One who sees that others watch as well hands it
//! to the screen's [`Company`] and takes a [`Seat`] there: a thread of the company's composes one
//! frame for all seats whenever they are ready for one. Who is not ready in time is given a composer
//! of its own again, with the picture its client has, so that nobody waits for a slower line; it may
//! come back later. A viewer that watches alone never has to do with any of this.

mod round;
mod seat;

pub use seat::{Room, Seat, Shared};

use crate::composer::Composer;
use crate::screen::Screen;
use crate::subscription::Subscription;
use parking_lot::Mutex;
use round::Rounds;
use std::sync::Arc;

/// The viewers of one screen who share an encode.
pub struct Company {
    screen: Arc<Screen>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the thread that serves the seats, while there is one.
    subscription: Option<Arc<Subscription>>,
    arriving: Vec<Arrival>,
}

/// Somebody who brings a composer with the picture that their client has.
struct Arrival {
    seat: Arc<Seat>,
    composer: Composer,
    room: Room,
}

impl Company {
    /// The company at `screen`, with nobody in it.
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
        member: Arc<Subscription>,
        composer: Composer,
        room: Room,
    ) -> Result<Arc<Seat>, Box<Composer>> {
        let mut state = self.state.lock();
        let rounds = match &state.subscription {
            Some(rounds) => Arc::clone(rounds),
            None => {
                let subscribed = self.screen.subscribe_for_viewers();
                let rounds = Arc::clone(subscribed.subscription());
                let served = Rounds::new(Arc::clone(self), Arc::clone(&self.screen), subscribed);
                let thread = std::thread::Builder::new().name("viewers".to_owned());
                if let Err(error) = thread.spawn(move || served.run()) {
                    tracing::warn!(%error, "no thread for viewers to share; each is served alone");
                    return Err(Box::new(composer));
                }
                state.subscription = Some(Arc::clone(&rounds));
                rounds
            }
        };
        let seat = Seat::new(member, rounds);
        state.arriving.push(Arrival { seat: Arc::clone(&seat), composer, room });
        drop(state);
        seat.call();
        Ok(seat)
    }

    fn arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.state.lock().arriving)
    }

    fn is_anyone_arriving(&self) -> bool {
        !self.state.lock().arriving.is_empty()
    }

    /// The thread ends, unless somebody has just come: the next one to come starts another.
    fn disband(&self) -> bool {
        let mut state = self.state.lock();
        let done = state.arriving.is_empty();
        if done {
            state.subscription = None;
        }
        done
    }
}
