//! Text that appears in an editor, character by character.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::canvas::{Canvas, rgb};
use crate::damage::{Damage, Rect};
use crate::desktop::{Desktop, LINE, MARGIN};
use crate::prose;
use crate::renderer::Animation;
use crate::window::{INK, PAPER};

/// Lines of the text, after which the page is empty again.
const LINES: usize = 400;
const SEED: u32 = 11;
const STATUS: i32 = 24;
const STATUS_COLUMNS: usize = 24;
const STATUS_PAPER: u32 = rgb(228, 231, 236);
const CARET: u32 = rgb(20, 90, 200);

/// The desktop with an editor in its main window.
pub struct Typing {
    desktop: Desktop,
    page: Rect,
    status: Rect,
    lines: Vec<String>,
    /// How many steps each line and those before it take, its line break included.
    ends: Vec<u64>,
}

/// Where the caret is.
#[derive(Clone, Copy)]
struct Caret {
    line: usize,
    column: usize,
}

impl Typing {
    /// An empty page.
    pub fn new(width: i32, height: i32) -> Self {
        let mut desktop = Desktop::new(width, height);
        let window = desktop.add_main_window("letter.txt - Editor");
        desktop.add_side_windows();
        let page = Rect { height: window.height - STATUS, ..window };
        let bar = Rect { y: page.bottom(), height: STATUS, ..window };
        desktop.draw(|canvas, _, _| canvas.fill(bar, STATUS_PAPER));
        let status = desktop.fonts.small.cells(bar.x + 10, bar.y + 6, 0, STATUS_COLUMNS);
        let columns = ((page.width - 2 * MARGIN) / desktop.fonts.body.width).clamp(16, 90) as usize;
        let lines = prose::lines(SEED, columns, LINES);
        let ends = lines
            .iter()
            .scan(0, |end, line| {
                *end += line.len() as u64 + 1;
                Some(*end)
            })
            .collect();
        Self { desktop, page, status, lines, ends }
    }

    fn caret(&self, step: u64) -> Caret {
        let total = self.ends[self.ends.len() - 1];
        let typed = step % total;
        let line = self.ends.partition_point(|end| *end <= typed);
        let start = if line == 0 { 0 } else { self.ends[line - 1] };
        Caret { line, column: (typed - start) as usize }
    }

    /// The first line in view: the page follows the caret.
    fn first_line(&self, caret: Caret) -> usize {
        let rows = ((self.page.height - MARGIN) / LINE).max(1) as usize;
        (caret.line + 1).saturating_sub(rows)
    }

    fn line_corner(&self, first: usize, line: usize) -> (i32, i32) {
        (self.page.x + MARGIN, self.page.y + MARGIN / 2 + (line - first) as i32 * LINE)
    }

    fn cells(&self, caret: Caret, count: usize) -> Rect {
        let (x, y) = self.line_corner(self.first_line(caret), caret.line);
        self.desktop.fonts.body.cells(x, y, caret.column, count).intersection(&self.page)
    }

    fn paint_page(&self, canvas: &mut Canvas<'_>, caret: Caret) {
        let mut canvas = canvas.clipped(self.page);
        let font = &self.desktop.fonts.body;
        canvas.fill(self.page, PAPER);
        let first = self.first_line(caret);
        for line in first..=caret.line {
            let (x, y) = self.line_corner(first, line);
            let text = self.lines[line].as_str();
            let typed = if line == caret.line { &text[..caret.column] } else { text };
            font.draw(&mut canvas, x, y, typed, INK);
        }
        let (x, y) = self.line_corner(first, caret.line);
        canvas.fill(Rect::new(x + font.advance(caret.column), y, 2, font.height), CARET);
    }

    fn paint_status(&self, canvas: &mut Canvas<'_>, caret: Caret) {
        let mut canvas = canvas.clipped(self.status);
        canvas.fill(self.status, STATUS_PAPER);
        let text = format!("Line {}, column {}", caret.line + 1, caret.column + 1);
        self.desktop.fonts.small.draw(&mut canvas, self.status.x + 1, self.status.y, &text, INK);
    }
}

impl Animation for Typing {
    fn damage(&self, step: u64) -> Damage {
        let (before, after) = (self.caret(step - 1), self.caret(step));
        if after.line < before.line || self.first_line(before) != self.first_line(after) {
            return Damage::of(&[self.page, self.status]);
        }
        if before.line != after.line {
            return Damage::of(&[self.cells(before, 1), self.cells(after, 1), self.status]);
        }
        Damage::of(&[self.cells(before, 2), self.status])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        self.desktop.paint(canvas);
        let caret = self.caret(step);
        self.paint_page(canvas, caret);
        self.paint_status(canvas, caret);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_page_is_empty_again_after_the_last_line() {
        let (width, height) = (640, 480);
        let typing = Typing::new(width, height);
        let total = typing.ends[LINES - 1];
        let mut pixels = vec![0; (width * height) as usize];
        let mut canvas = Canvas::new(&mut pixels, width, height);
        typing.paint(&mut canvas, total - 2);
        for step in total - 1..total + 2 {
            typing.advance(&mut canvas, step);
        }
        let mut fresh = vec![0; (width * height) as usize];
        typing.paint(&mut Canvas::new(&mut fresh, width, height), 1);
        assert!(pixels == fresh);
    }
}
