//! A film in a window on the page.

use crate::canvas::Canvas;
use crate::damage::{Damage, Rect};
use crate::desktop::Desktop;
use crate::motion::paint_film;
use crate::renderer::Animation;
use crate::still;
use crate::window::TITLE_BAR;

const WIDTH: i32 = 640;
const HEIGHT: i32 = 360;

/// The still page with a player above it.
pub struct Video {
    desktop: Desktop,
    film: Rect,
}

impl Video {
    /// The player at the first frame. It is smaller on a screen without room for it.
    pub fn new(width: i32, height: i32) -> Self {
        let mut desktop = still::page(width, height);
        let window = Rect::new(0, 0, WIDTH.min(width - 40) + 2, HEIGHT.min(height - 100) + TITLE_BAR + 1);
        let window = window.moved((width - window.width) / 2, (height - window.height) * 2 / 3);
        let film = desktop.add_window(window, "Film");
        Self { desktop, film }
    }
}

impl Animation for Video {
    fn damage(&self, _step: u64) -> Damage {
        Damage::of(&[self.film])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        self.desktop.paint(canvas);
        paint_film(canvas, self.film, &self.desktop.landscape, step);
    }
}
