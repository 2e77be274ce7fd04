//! Window frames.

use crate::canvas::{Canvas, mix, rgb};
use crate::damage::Rect;
use crate::font::Fonts;

/// Height of a title bar in pixels.
pub const TITLE_BAR: i32 = 30;

const BORDER: u32 = rgb(70, 78, 92);
const TITLE_TOP: u32 = rgb(74, 84, 102);
const TITLE_BOTTOM: u32 = rgb(52, 60, 76);
const TITLE_TEXT: u32 = rgb(240, 242, 246);
const BUTTONS: [u32; 3] = [rgb(237, 106, 94), rgb(245, 191, 79), rgb(98, 197, 84)];

/// The colour of paper.
pub const PAPER: u32 = rgb(252, 252, 250);
/// The colour of ink.
pub const INK: u32 = rgb(32, 34, 38);

/// Draws a window with an empty page.
pub fn draw(canvas: &mut Canvas<'_>, fonts: &Fonts, window: Rect, title: &str) {
    canvas.fill(window, BORDER);
    let bar = Rect::new(window.x + 1, window.y + 1, window.width - 2, TITLE_BAR - 1);
    canvas.shade(bar, |_, y| Some(mix(TITLE_TOP, TITLE_BOTTOM, (y * 256 / TITLE_BAR) as u32)));
    for (button, left) in BUTTONS.into_iter().zip((window.right() - 70..).step_by(22)) {
        canvas.shade(Rect::new(left, window.y + 9, 13, 13), |x, y| {
            let (dx, dy) = (x - 6, y - 6);
            (dx * dx + dy * dy <= 40).then_some(button)
        });
    }
    let mut bar = canvas.clipped(Rect::new(window.x + 1, window.y, window.width - 80, TITLE_BAR));
    fonts.bold.draw(&mut bar, window.x + 12, window.y + 8, title, TITLE_TEXT);
    canvas.fill(page(window), PAPER);
}

/// The page inside a window's frame.
pub fn page(window: Rect) -> Rect {
    let inside = window.grown(-1);
    Rect::new(inside.x, inside.y + TITLE_BAR - 1, inside.width, inside.height - TITLE_BAR + 1)
}
