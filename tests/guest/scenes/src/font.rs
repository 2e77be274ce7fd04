//! Text with coloured fringes, as sub-pixel rendering leaves them on a desktop.

use alloc::vec::Vec;

use embedded_graphics::image::GetPixel;
use embedded_graphics::mono_font::{MonoFont, ascii};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{OriginDimensions, Point};

use crate::canvas::Canvas;
use crate::damage::Rect;

const FIRST: u8 = b' ';
const LAST: u8 = b'~';

/// A monospaced font, unpacked for drawing.
pub struct Font {
    /// Width of a character cell in pixels.
    pub width: i32,
    /// Height of a character cell in pixels.
    pub height: i32,
    /// For each character, for each row, the pixels, leftmost in bit 0.
    rows: Vec<u32>,
}

/// The fonts of a page.
pub struct Fonts {
    /// Labels and status lines.
    pub small: Font,
    /// Running text.
    pub body: Font,
    /// Titles and headings.
    pub bold: Font,
}

impl Fonts {
    /// Unpacks them.
    pub fn new() -> Self {
        Self {
            small: Font::new(&ascii::FONT_7X13),
            body: Font::new(&ascii::FONT_9X15),
            bold: Font::new(&ascii::FONT_9X15_BOLD),
        }
    }
}

impl Font {
    fn new(font: &MonoFont<'_>) -> Self {
        let (width, height) = (font.character_size.width as i32, font.character_size.height as i32);
        let columns = font.image.size().width as i32 / width;
        let mut rows = Vec::with_capacity(usize::from(LAST - FIRST + 1) * height as usize);
        for character in FIRST..=LAST {
            let index = font.glyph_mapping.index(char::from(character)) as i32;
            let corner = Point::new(index % columns * width, index / columns * height);
            for y in 0..height {
                let lit = |x: &i32| font.image.pixel(corner + Point::new(*x, y)) == Some(BinaryColor::On);
                rows.push((0..width).filter(lit).fold(0, |bits, x| bits | 1 << x));
            }
        }
        Self { width, height, rows }
    }

    /// How wide `count` characters are.
    pub fn advance(&self, count: usize) -> i32 {
        count as i32 * self.width
    }

    /// Draws text with its top left corner at (`x`, `y`). Fringes reach one pixel
    /// beyond the cells on the left and on the right.
    pub fn draw(&self, canvas: &mut Canvas<'_>, x: i32, y: i32, text: &str, colour: u32) {
        let clip = canvas.clip();
        if y >= clip.bottom() || y + self.height <= clip.y {
            return;
        }
        for (character, left) in text.bytes().zip((x..).step_by(self.width as usize)) {
            if left > clip.right() || left + self.width < clip.x {
                continue;
            }
            let index = usize::from(character.clamp(FIRST, LAST) - FIRST) * self.height as usize;
            let rows = &self.rows[index..index + self.height as usize];
            for (bits, y) in rows.iter().zip(y..) {
                self.draw_row(canvas, left, y, *bits, colour);
            }
        }
    }

    /// Draws one row of a character. Each pixel's colours are sampled a third of a
    /// pixel apart, so red also sees the pixel to the left, blue the one to the right.
    fn draw_row(&self, canvas: &mut Canvas<'_>, left: i32, y: i32, bits: u32, colour: u32) {
        if bits == 0 {
            return;
        }
        // Bit 0 is now the pixel left of the cell.
        let bits = bits << 1;
        for column in 0..self.width + 2 {
            let here = bits >> column & 1;
            let before = if column > 0 { bits >> (column - 1) & 1 } else { 0 };
            let after = bits >> (column + 1) & 1;
            if here | before | after != 0 {
                let thirds = [before + 2 * here, 3 * here, 2 * here + after];
                canvas.blend(left - 1 + column, y, colour, thirds);
            }
        }
    }

    /// The rectangle that changes when `count` characters from `column` on change
    /// in a line that starts at (`x`, `y`), fringes included.
    pub fn cells(&self, x: i32, y: i32, column: usize, count: usize) -> Rect {
        Rect::new(x + self.advance(column) - 1, y, self.advance(count) + 2, self.height)
    }
}
