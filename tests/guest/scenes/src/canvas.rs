//! Pixels to draw on, with a clip.

use core::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{Dimensions, DrawTarget, Pixel, Point, RgbColor, Size};
use embedded_graphics::primitives::Rectangle;

use crate::damage::Rect;

/// A colour as a pixel: 0xFFRRGGBB.
pub const fn rgb(red: u32, green: u32, blue: u32) -> u32 {
    0xff00_0000 | red << 16 | green << 8 | blue
}

/// `from` and `to` mixed: `part` of 256 parts are `to`.
pub const fn mix(from: u32, to: u32, part: u32) -> u32 {
    let rest = 256 - part;
    let even = ((from & 0x00ff_00ff) * rest + (to & 0x00ff_00ff) * part) >> 8;
    let green = ((from >> 8 & 0xff) * rest + (to >> 8 & 0xff) * part) >> 8;
    0xff00_0000 | (even & 0x00ff_00ff) | green << 8
}

/// A screen's pixels. Drawing outside the clip has no effect.
pub struct Canvas<'a> {
    pixels: &'a mut [u32],
    bounds: Rect,
    clip: Rect,
}

impl<'a> Canvas<'a> {
    /// A canvas over `width * height` pixels.
    ///
    /// # Panics
    /// When there are fewer pixels.
    pub fn new(pixels: &'a mut [u32], width: i32, height: i32) -> Self {
        let bounds = Rect::new(0, 0, width, height);
        assert!(pixels.len() >= (width * height) as usize, "the canvas has too few pixels");
        Self { pixels, bounds, clip: bounds }
    }

    /// The part that drawing reaches.
    pub fn clip(&self) -> Rect {
        self.clip
    }

    /// The whole of it.
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// The same pixels with drawing limited to `clip` as well.
    pub fn clipped(&mut self, clip: Rect) -> Canvas<'_> {
        Canvas { pixels: self.pixels, bounds: self.bounds, clip: self.clip.intersection(&clip) }
    }

    /// The pixels of row `y` from `x` on, `width` of them, all inside the bounds.
    fn row(&mut self, x: i32, y: i32, width: i32) -> &mut [u32] {
        let start = (y * self.bounds.width + x) as usize;
        &mut self.pixels[start..start + width as usize]
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, rect: Rect, colour: u32) {
        let visible = rect.intersection(&self.clip);
        for y in visible.y..visible.bottom() {
            self.row(visible.x, y, visible.width).fill(colour);
        }
    }

    /// Draws each visible pixel of a rectangle as a function of its place in it;
    /// where that is none, the pixel stays.
    pub fn shade(&mut self, rect: Rect, mut colour: impl FnMut(i32, i32) -> Option<u32>) {
        let visible = rect.intersection(&self.clip);
        for y in visible.y..visible.bottom() {
            let columns = visible.x - rect.x..;
            for (pixel, x) in self.row(visible.x, y, visible.width).iter_mut().zip(columns) {
                if let Some(colour) = colour(x, y - rect.y) {
                    *pixel = colour;
                }
            }
        }
    }

    /// Copies a picture, `rect.width` pixels a row, into a rectangle.
    pub fn copy(&mut self, rect: Rect, picture: &[u32]) {
        let visible = rect.intersection(&self.clip);
        for y in visible.y..visible.bottom() {
            let start = ((y - rect.y) * rect.width + visible.x - rect.x) as usize;
            let from = &picture[start..start + visible.width as usize];
            self.row(visible.x, y, visible.width).copy_from_slice(from);
        }
    }

    /// Moves the rows of a rectangle up; its lowest `rows` rows keep what they had.
    pub fn move_up(&mut self, rect: Rect, rows: i32) {
        let visible = rect.intersection(&self.clip);
        let stride = self.bounds.width;
        for y in visible.y..visible.bottom() - rows {
            let from = ((y + rows) * stride + visible.x) as usize;
            let to = (y * stride + visible.x) as usize;
            self.pixels.copy_within(from..from + visible.width as usize, to);
        }
    }

    /// Mixes a colour into one pixel, each channel by its own third parts (0 to 3).
    pub fn blend(&mut self, x: i32, y: i32, colour: u32, thirds: [u32; 3]) {
        if !self.clip.contains(x, y) {
            return;
        }
        let pixel = &mut self.row(x, y, 1)[0];
        let channel = |shift: u32, part: u32| {
            let (from, to) = (*pixel >> shift & 0xff, colour >> shift & 0xff);
            ((from * (3 - part) + to * part) / 3) << shift
        };
        *pixel = 0xff00_0000 | channel(16, thirds[0]) | channel(8, thirds[1]) | channel(0, thirds[2]);
    }
}

impl Dimensions for Canvas<'_> {
    fn bounding_box(&self) -> Rectangle {
        rectangle(self.bounds)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, colour) in pixels {
            self.fill(Rect::new(point.x, point.y, 1, 1), pixel(colour));
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let Size { width, height } = area.size;
        let Point { x, y } = area.top_left;
        self.fill(Rect::new(x, y, width as i32, height as i32), pixel(colour));
        Ok(())
    }
}

/// A rectangle in the terms of embedded-graphics.
pub fn rectangle(rect: Rect) -> Rectangle {
    Rectangle::new(Point::new(rect.x, rect.y), Size::new(rect.width.max(0) as u32, rect.height.max(0) as u32))
}

/// A pixel in the terms of embedded-graphics.
pub const fn colour(pixel: u32) -> Rgb888 {
    Rgb888::new((pixel >> 16) as u8, (pixel >> 8) as u8, pixel as u8)
}

fn pixel(colour: Rgb888) -> u32 {
    rgb(u32::from(colour.r()), u32::from(colour.g()), u32::from(colour.b()))
}
