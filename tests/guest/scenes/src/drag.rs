//! A window that is dragged over the page.

use alloc::vec;
use alloc::vec::Vec;

use crate::canvas::Canvas;
use crate::damage::{Damage, Rect};
use crate::desktop::{Desktop, LINE, MARGIN, PANEL};
use crate::noise::sine;
use crate::prose;
use crate::renderer::Animation;
use crate::still;
use crate::window;

const WIDTH: i32 = 560;
const HEIGHT: i32 = 400;
const SEED: u32 = 13;

/// The still page and a window above it.
pub struct Drag {
    desktop: Desktop,
    bounds: Rect,
    window: Rect,
    picture: Vec<u32>,
}

impl Drag {
    /// The window at the start of its way.
    pub fn new(width: i32, height: i32) -> Self {
        let bounds = Rect::new(0, 0, width, height);
        let window = Rect::new(0, 0, WIDTH.min(width / 2), HEIGHT.min(height / 2));
        let desktop = still::page(width, height);
        let picture = draw_window(&desktop, window);
        Self { desktop, bounds, window, picture }
    }

    /// Where the window is: on a closed curve over the screen below the panel.
    fn place(&self, step: u64) -> Rect {
        let turn = (step % (1024 * 1024)) as i32;
        let (width, height) =
            (self.bounds.width - self.window.width, self.bounds.height - PANEL - self.window.height);
        let x = width / 2 + width * sine(turn * 2) / 2200;
        let y = PANEL + height / 2 + height * sine(turn * 3 + 200) / 2200;
        self.window.moved(x, y)
    }
}

fn draw_window(desktop: &Desktop, bounds: Rect) -> Vec<u32> {
    let mut pixels = vec![0; (bounds.width * bounds.height) as usize];
    let mut canvas = Canvas::new(&mut pixels, bounds.width, bounds.height);
    window::draw(&mut canvas, &desktop.fonts, bounds, "Notes");
    let page = window::page(bounds).grown(-MARGIN / 2);
    let mut canvas = canvas.clipped(page);
    let picture = Rect::new(page.x, page.y, page.width / 3, page.height / 2);
    canvas.shade(picture, |x, y| Some(desktop.landscape.at(x + 560, y + 200)));
    let font = &desktop.fonts.body;
    for (number, line) in prose::lines(SEED, 80, (page.height / LINE) as usize + 1).iter().enumerate() {
        let y = page.y + number as i32 * LINE;
        let x = if y < picture.bottom() + 4 { picture.right() + MARGIN } else { page.x };
        font.draw(&mut canvas, x, y, line, window::INK);
    }
    pixels
}

impl Animation for Drag {
    fn damage(&self, step: u64) -> Damage {
        Damage::of(&[self.place(step - 1).union(&self.place(step))])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        self.desktop.paint(canvas);
        canvas.copy(self.place(step), &self.picture);
    }
}
