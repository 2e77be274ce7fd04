//! Who makes a viewer's pictures: its own composer, or a company of viewers.

use crate::company::{Company, Room, Seat};
use crate::composer::Composer;
use crate::screen::Screen;
use crate::subscription::{Asked, Subscription};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who was too slow for an encode shared with others, or wanted something of its own, does not try
/// again before so long.
const SHY: Duration = Duration::from_secs(5);

/// A viewer's source of pictures.
pub struct Encoding<'a> {
    maker: Maker,
    company: Option<&'a Arc<Company>>,
    /// When it may share an encode, if others are there to share it with.
    sociable: Instant,
}

enum Maker {
    /// This viewer's own composer.
    Own(Box<Composer>),
    /// The company, at this viewer's seat.
    Company(Arc<Seat>),
    /// Nobody, while one becomes the other.
    Nobody,
}

impl<'a> Encoding<'a> {
    /// Made by `composer` at first; `company` is where it may be shared.
    pub fn new(composer: Composer, company: Option<&'a Arc<Company>>) -> Self {
        Self { maker: Maker::Own(Box::new(composer)), company, sociable: Instant::now() }
    }

    /// The viewer's own composer, if it makes the pictures now.
    pub fn own(&mut self) -> Option<&mut Composer> {
        match &mut self.maker {
            Maker::Own(composer) => Some(composer),
            Maker::Company(_) | Maker::Nobody => None,
        }
    }

    /// The viewer's seat, if the company makes the pictures now.
    pub fn seat(&self) -> Option<&Arc<Seat>> {
        match &self.maker {
            Maker::Company(seat) => Some(seat),
            Maker::Own(_) | Maker::Nobody => None,
        }
    }

    /// Does what the client asked for. What it cannot have in company waits until it is alone.
    pub fn heed(&mut self, asked: &mut Asked, now: Instant) {
        if let Some(composer) = self.seat().and_then(|seat| seat.take_composer()) {
            self.maker = Maker::Own(Box::new(composer));
            self.sociable = now + SHY;
        }
        match &mut self.maker {
            Maker::Own(composer) => {
                if std::mem::take(&mut asked.refresh) {
                    composer.begin_anew();
                }
                if std::mem::take(&mut asked.video_failed) {
                    composer.give_up_video();
                }
                if let Some(video_only) = asked.video_only.take() {
                    composer.set_video_only(video_only);
                }
            }
            Maker::Company(seat) if asked.wants_something_of_its_own() => seat.leave(),
            Maker::Company(_) | Maker::Nobody => {}
        }
    }

    /// Whether an encode is better shared from now on.
    pub fn may_share(&mut self, screen: &Screen, now: Instant) -> bool {
        let others = self.company.is_some() && screen.viewers() > 1;
        others && now >= self.sociable && self.own().is_some_and(|composer| composer.is_shareable())
    }

    /// Shares an encode from now on.
    pub fn join(&mut self, member: &Arc<Subscription>, room: Room, now: Instant) {
        let Some(company) = self.company else { return };
        self.maker = match std::mem::replace(&mut self.maker, Maker::Nobody) {
            Maker::Own(composer) => match company.join(Arc::clone(member), *composer, room) {
                Ok(seat) => Maker::Company(seat),
                Err(composer) => {
                    self.sociable = now + SHY;
                    Maker::Own(composer)
                }
            },
            other => other,
        };
    }
}

impl Drop for Encoding<'_> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat() {
            seat.vanish();
        }
    }
}
