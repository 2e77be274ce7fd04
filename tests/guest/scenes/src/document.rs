//! A long page of headings, text and pictures.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::canvas::{Canvas, rgb};
use crate::damage::Rect;
use crate::desktop::{Desktop, LINE, MARGIN};
use crate::font::Fonts;
use crate::landscape::{self, Landscape};
use crate::prose;
use crate::window::{INK, PAPER};

/// Lines of the document, after which it begins again.
const LINES: usize = 480;
/// Lines of a section: a heading, text, and a picture as high as some lines.
const SECTION: usize = 48;
const PICTURE: Range<usize> = 36..46;
const SEED: u32 = 7;
const HEADING_INK: u32 = rgb(24, 72, 138);

/// A document, laid out for the page that shows it.
pub struct Document {
    /// Where it is shown.
    pub page: Rect,
    lines: Vec<String>,
}

impl Document {
    /// Opens the document in the main window of a desktop.
    pub fn open(desktop: &mut Desktop) -> Self {
        let page = desktop.add_main_window("report.txt - Reader");
        let columns = ((page.width - 2 * MARGIN) / desktop.fonts.body.width).max(16) as usize;
        Self { page, lines: prose::lines(SEED, columns, LINES) }
    }

    /// Height in pixels, after which the document begins again.
    pub fn height(&self) -> i32 {
        LINES as i32 * LINE
    }

    /// Shows the document from `offset` pixels below its top on.
    pub fn paint(&self, canvas: &mut Canvas<'_>, fonts: &Fonts, landscape: &Landscape, offset: i32) {
        let mut canvas = canvas.clipped(self.page);
        let clip = canvas.clip();
        if clip.is_empty() {
            return;
        }
        canvas.fill(clip, PAPER);
        let top = self.page.y - offset;
        // A picture is drawn at its first line, which may be out of view.
        let first = (clip.y - top) / LINE - PICTURE.len() as i32;
        let last = (clip.bottom() - top) / LINE + 1;
        for number in first.max(0)..last {
            self.paint_line(&mut canvas, fonts, landscape, number as usize % LINES, top + number * LINE);
        }
    }

    fn paint_line(
        &self,
        canvas: &mut Canvas<'_>,
        fonts: &Fonts,
        landscape: &Landscape,
        number: usize,
        y: i32,
    ) {
        let left = self.page.x + MARGIN;
        let (section, place) = (number / SECTION, number % SECTION);
        if place == PICTURE.start {
            let width = (self.page.width - 2 * MARGIN).min(640);
            let rect = Rect::new(left, y, width, PICTURE.len() as i32 * LINE - 8);
            let corner = (section as i32 * 260, landscape::HEIGHT - 40 - rect.height);
            canvas.shade(rect, |x, y| Some(landscape.at(corner.0 + x, corner.1 + y)));
        } else if place == 1 {
            fonts.bold.draw(canvas, left, y + 2, prose::title(section), HEADING_INK);
        } else if place > 2 && !PICTURE.contains(&place) && place % 9 != 8 {
            fonts.body.draw(canvas, left, y + 2, &self.lines[number], INK);
        }
    }
}
