//! A film and a video call, in windows at opposite corners of the screen.

use crate::canvas::Canvas;
use crate::damage::{Damage, Rect};
use crate::desktop::{Desktop, PANEL};
use crate::motion::paint_film;
use crate::renderer::Animation;
use crate::still;
use crate::window::TITLE_BAR;

/// From the screen's edges.
const GAP: i32 = 20;
/// The call shows another part of the film.
const CALL_AHEAD: u64 = 500;

/// The still page with a player and a call above it.
pub struct Call {
    desktop: Desktop,
    film: Rect,
    call: Rect,
}

impl Call {
    /// Both at their first frame. They are smaller on a screen without room for them.
    pub fn new(width: i32, height: i32) -> Self {
        let mut desktop = still::page(width, height);
        let (most_wide, most_high) = (width / 2 - 2 * GAP, (height - PANEL) / 2 - 2 * GAP);
        let window = |wide: i32, high: i32| {
            Rect::new(0, 0, wide.min(most_wide) + 2, high.min(most_high - TITLE_BAR) + TITLE_BAR + 1)
        };
        let (film, call) = (window(640, 360), window(320, 240));
        let film = desktop.add_window(film.moved(GAP, PANEL + GAP), "Film");
        let call = call.moved(width - call.width - GAP, height - call.height - GAP);
        let call = desktop.add_window(call, "Call");
        Self { desktop, film, call }
    }
}

impl Animation for Call {
    fn damage(&self, _step: u64) -> Damage {
        Damage::of(&[self.film, self.call])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        self.desktop.paint(canvas);
        paint_film(canvas, self.film, &self.desktop.landscape, step);
        paint_film(canvas, self.call, &self.desktop.landscape, step + CALL_AHEAD);
    }
}
