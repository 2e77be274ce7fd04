//! The thread that composes for all seats.

use super::seat::{Offer, Seat, Shared};
use super::{Arrival, Company};
use crate::budget::Allowance;
use crate::composer::{Composed, Composer};
use crate::cpu_time;
use crate::screen::{Screen, Subscribed};
use crate::subscription::{Damage, Ending, Pending, PictureWork, Wait};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who is not ready so long after the first was, is left behind.
const PATIENCE: Duration = Duration::from_millis(30);

/// A single seat is kept for so long: somebody may come back.
const ALONE: Duration = Duration::from_secs(2);

/// The screen is looked at this far apart at least, as for a single viewer.
const INTERVAL: Duration = Duration::from_millis(15);

/// The seats, and the composer whose picture all their clients have.
pub(super) struct Rounds {
    company: Arc<Company>,
    screen: Arc<Screen>,
    subscribed: Subscribed,
    composer: Option<Composer>,
    seats: Vec<Arc<Seat>>,
    last_look: Option<Instant>,
    /// Since when a frame waits for seats that are not ready.
    held_up: Option<Instant>,
    /// Since when there is but one seat.
    alone: Option<Instant>,
}

/// What there is to do.
enum Turn {
    /// Somebody comes or goes.
    People,
    /// A picture is to be made.
    Picture(Box<PictureWork>),
    /// Encoders may be unused.
    Tidy,
    /// The screen is no more.
    End,
}

impl Rounds {
    pub fn new(company: Arc<Company>, screen: Arc<Screen>, subscribed: Subscribed) -> Self {
        Self {
            company,
            screen,
            subscribed,
            composer: None,
            seats: Vec::new(),
            last_look: None,
            held_up: None,
            alone: None,
        }
    }

    pub fn run(mut self) {
        loop {
            let subscription = Arc::clone(self.subscribed.subscription());
            match subscription.wait(|pending| self.ready(pending, Instant::now())) {
                Turn::People => {}
                Turn::Picture(work) => self.compose(*work, Instant::now()),
                Turn::Tidy => self.composer.iter_mut().for_each(|composer| composer.tidy(Instant::now())),
                Turn::End => {
                    self.company.disband();
                    return;
                }
            }
            self.part();
            self.admit(Instant::now());
            let over = self.seats.is_empty() || self.alone.is_some_and(|since| since.elapsed() >= ALONE);
            if over && self.company.disband() {
                if let (Some(composer), Some(last)) = (self.composer.take(), self.seats.pop()) {
                    last.give_back(composer);
                }
                return;
            }
        }
    }

    fn ready(&mut self, pending: &mut Pending, now: Instant) -> Wait<Turn> {
        if pending.ending.is_some() {
            return Wait::Take(Turn::End);
        }
        if self.company.is_anyone_arriving() || self.seats.iter().any(|seat| seat.is_leaving()) {
            return Wait::Take(Turn::People);
        }
        let Some(composer) = &self.composer else { return Wait::Forever };
        let (wants_frame, next_due) = (composer.wants_frame(now), composer.next_due());
        if self.alone.is_some_and(|since| now.duration_since(since) >= ALONE) {
            return Wait::Take(Turn::People);
        }
        let wanted = !pending.damage.is_empty() || wants_frame;
        let due = match wanted.then(|| self.when(now)) {
            Some(Some(when)) if when <= now => {
                return Wait::Take(Turn::Picture(Box::new(pending.take_picture())));
            }
            Some(when) => when,
            None => match next_due {
                Some(due) if due <= now => return Wait::Take(Turn::Tidy),
                due => due,
            },
        };
        let disband = self.alone.map(|since| since + ALONE);
        due.into_iter().chain(disband).min().map_or(Wait::Forever, Wait::Until)
    }

    /// When the picture that is wanted is to be made; `None`: once somebody is ready for it.
    fn when(&mut self, now: Instant) -> Option<Instant> {
        let offers: Vec<Offer> = self.seats.iter().filter_map(|seat| seat.offered()).collect();
        if offers.is_empty() {
            self.held_up = None;
            return None;
        }
        let urgent = offers.iter().any(|offer| offer.urgent);
        let look = self.last_look.filter(|_| !urgent).map_or(now, |look| look + INTERVAL);
        if offers.len() == self.seats.len() {
            return Some(look);
        }
        let held_up = *self.held_up.get_or_insert(now);
        Some(look.max(held_up + PATIENCE))
    }

    /// Makes one frame for those who are ready, and leaves the others to themselves.
    fn compose(&mut self, mut work: PictureWork, now: Instant) {
        self.held_up = None;
        self.last_look = Some(now);
        let most = self.most();
        let Some(composer) = &mut self.composer else { return };
        let mut looker = None;
        let mut allowance = Allowance::ALL;
        let mut answers = Vec::with_capacity(self.seats.len());
        self.seats.retain(|seat| match seat.offered() {
            Some(offer) if !offer.room.is_poor_beside(most) => {
                allowance = allowance.least(offer.room.allowance);
                if offer.urgent || looker.is_none() {
                    looker = Some(Arc::clone(seat));
                }
                // What it has gathered beside is in this frame too.
                let own = seat.member().take_picture();
                own.damage.rects().iter().for_each(|rect| work.damage.add(*rect));
                answers.push(own.answer);
                true
            }
            _ => leave(seat, composer),
        });
        composer.allow(allowance);
        let showing = self.screen.showing();
        let pointer = showing.looked_at(looker.and_then(|seat| seat.member().noted_pointer()));
        let cpu = cpu_time::of_this_thread();
        let composed = composer.compose(&*showing.pixels(), &work.damage, work.flushes, pointer, now);
        let encode = now.elapsed();
        self.screen.counters().encoded(encode, cpu_time::of_this_thread().saturating_sub(cpu));
        composer.tidy(now);
        let composed = composed.map(Arc::new);
        for (seat, answer) in self.seats.iter().zip(answers) {
            let flushed = work.flushed;
            match &composed {
                Some(composed) => {
                    let composed = Arc::clone(composed);
                    seat.give(Shared { composed, answer, flushed, encode });
                }
                None => answer.into_iter().for_each(|answer| seat.member().unanswered(answer)),
            }
        }
    }

    /// Bytes that a frame may have on the best of the lines.
    fn most(&self) -> usize {
        let frames = self.seats.iter().filter_map(|seat| Some(seat.offered()?.room.allowance.frame));
        frames.max().unwrap_or_default()
    }

    /// Lets go who wants to.
    fn part(&mut self) {
        let Some(composer) = &self.composer else { return };
        self.seats.retain(|seat| !seat.is_leaving() || leave(seat, composer));
        self.note_company();
    }

    /// Takes in who has come: brings their clients to the picture that the others have.
    fn admit(&mut self, now: Instant) {
        for Arrival { seat, composer: mut theirs, room } in self.company.arrivals() {
            if seat.is_gone() {
                continue;
            }
            if room.is_poor_beside(self.most()) {
                seat.give_back(theirs);
                continue;
            }
            let Some(ours) = &mut self.composer else {
                self.composer = Some(theirs);
                self.seats.push(seat);
                continue;
            };
            let mut all = Damage::default();
            all.add(ours.framebuffer().size().bounds());
            let composed = theirs.compose(ours.framebuffer(), &all, 1, (0, 0), now);
            let encode = now.elapsed();
            if let Some(composed) = composed {
                let composed = Arc::new(Composed { changed: false, ..composed });
                seat.give(Shared { composed, answer: None, flushed: None, encode });
            }
            ours.take_in(&theirs);
            self.seats.push(seat);
        }
        self.note_company();
    }

    fn note_company(&mut self) {
        self.alone = (self.seats.len() == 1).then(|| self.alone.unwrap_or_else(Instant::now));
    }
}

/// Gives a viewer a composer of its own, with the picture that its client has; nobody stays.
fn leave(seat: &Seat, composer: &Composer) -> bool {
    if !seat.is_gone() {
        match composer.fork() {
            Ok(own) => seat.give_back(own),
            Err(error) => {
                tracing::error!(%error, "a viewer cannot be served any more");
                seat.member().end(Ending::Left);
            }
        }
    }
    false
}
