//! A document that scrolls.

use crate::canvas::Canvas;
use crate::damage::{Damage, Rect};
use crate::desktop::Desktop;
use crate::document::Document;
use crate::renderer::Animation;

/// Pixels that the page moves in a step.
const SPEED: i32 = 4;

/// The desktop with a scrolling document in its main window.
pub struct Scroll {
    desktop: Desktop,
    document: Document,
}

impl Scroll {
    /// The document at its top.
    pub fn new(width: i32, height: i32) -> Self {
        let mut desktop = Desktop::new(width, height);
        let document = Document::open(&mut desktop);
        desktop.add_side_windows();
        Self { desktop, document }
    }

    fn paint_page(&self, canvas: &mut Canvas<'_>, step: u64) {
        let offset = (step % self.document.height() as u64) as i32 * SPEED % self.document.height();
        self.document.paint(canvas, &self.desktop.fonts, &self.desktop.landscape, offset);
    }
}

impl Animation for Scroll {
    fn damage(&self, _step: u64) -> Damage {
        Damage::of(&[self.document.page])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        self.desktop.paint(canvas);
        self.paint_page(canvas, step);
    }

    fn advance(&self, canvas: &mut Canvas<'_>, step: u64) -> Damage {
        let page = self.document.page;
        canvas.move_up(page, SPEED);
        let uncovered = Rect::new(page.x, page.bottom() - SPEED, page.width, SPEED);
        self.paint_page(&mut canvas.clipped(uncovered), step);
        self.damage(step)
    }
}
