//! A square that answers every key: for measuring latency.

use alloc::format;
use alloc::string::String;

use crate::canvas::{Canvas, rgb};
use crate::damage::{Damage, Rect};
use crate::desktop::{Desktop, MARGIN};
use crate::keymap::{Meaning, meaning};
use crate::window::{INK, PAPER, TITLE_BAR};

/// The square's colour before the first press, and after it; then they alternate. 0xFFRRGGBB.
pub const COLOURS: [u32; 2] = [rgb(30, 100, 220), rgb(250, 200, 40)];

const WINDOW_WIDTH: i32 = 640;
const TYPED_MAX: usize = 60;
const FIELD_PAPER: u32 = rgb(238, 241, 246);

/// Where the square is on a screen of this size: in the middle.
pub fn square(width: u32, height: u32) -> Rect {
    let (width, height) = (width as i32, height as i32);
    let side = if width.min(height) >= 480 { 256 } else { 128 };
    Rect::new((width - side) / 2, (height - side) / 2, side, side)
}

/// The desktop with the answering window.
pub struct Echo {
    desktop: Desktop,
    square: Rect,
    field: Rect,
    report: Rect,
    presses: u64,
    last_key: Option<u16>,
    shift: bool,
    typed: String,
    pointer: (u32, u32),
}

impl Echo {
    /// Nothing pressed yet.
    pub fn new(width: i32, height: i32) -> Self {
        let square = square(width as u32, height as u32);
        let mut desktop = Desktop::new(width, height);
        let window_width = WINDOW_WIDTH.min(width - 20);
        let top = square.y - TITLE_BAR - MARGIN;
        let window = Rect::new((width - window_width) / 2, top, window_width, square.bottom() + 92 - top);
        let page = desktop.add_window(window, "Echo");
        let field = Rect::new(page.x + MARGIN, square.bottom() + 20, page.width - 2 * MARGIN, 26);
        let report = Rect::new(field.x, field.bottom() + 14, field.width, desktop.fonts.body.height);
        let (typed, pointer) = (String::with_capacity(TYPED_MAX), (width as u32 / 2, height as u32 / 2));
        Self { desktop, square, field, report, presses: 0, last_key: None, shift: false, typed, pointer }
    }

    /// Takes a key or button that went down or up. Draws the square at once if it changed.
    pub fn key(&mut self, canvas: &mut Canvas<'_>, code: u16, down: bool) -> Damage {
        let meaning = meaning(code, self.shift);
        if meaning == Meaning::Shift {
            self.shift = down;
        }
        if !down {
            return Damage::none();
        }
        match meaning {
            Meaning::Character(character) if self.typed.len() < TYPED_MAX => self.typed.push(character),
            Meaning::Backspace => drop(self.typed.pop()),
            Meaning::Enter => self.typed.clear(),
            _ => {}
        }
        self.presses += 1;
        self.last_key = Some(code);
        self.paint_square(canvas);
        Damage::of(&[self.square])
    }

    /// Draws the lines that tell what was typed and where the pointer is.
    pub fn describe(&mut self, canvas: &mut Canvas<'_>, pointer: (u32, u32)) -> Damage {
        self.pointer = pointer;
        self.paint_lines(canvas);
        Damage::of(&[self.field, self.report])
    }

    /// Draws everything within the canvas's clip.
    pub fn paint(&self, canvas: &mut Canvas<'_>) {
        self.desktop.paint(canvas);
        self.paint_square(canvas);
        self.paint_lines(canvas);
    }

    fn paint_square(&self, canvas: &mut Canvas<'_>) {
        canvas.fill(self.square, COLOURS[(self.presses % 2) as usize]);
    }

    fn paint_lines(&self, canvas: &mut Canvas<'_>) {
        let font = &self.desktop.fonts.body;
        let mut field = canvas.clipped(self.field);
        field.fill(self.field, FIELD_PAPER);
        font.draw(&mut field, self.field.x + 8, self.field.y + 6, &self.typed, INK);
        let caret = self.field.x + 9 + font.advance(self.typed.len());
        field.fill(Rect::new(caret, self.field.y + 5, 2, font.height + 1), COLOURS[0]);

        let mut report = canvas.clipped(self.report);
        report.fill(self.report, PAPER);
        let key = self.last_key.map_or_else(|| String::from("none"), |code| format!("{code}"));
        let (x, y) = self.pointer;
        let text = format!("key {key}  presses {}  pointer {x},{y}", self.presses);
        font.draw(&mut report, self.report.x + 1, self.report.y, &text, INK);
    }
}
