//! Framebuffer: a screen's pixels in memory, as read from a [`PixelSource`].

use crate::source::{PixelSource, SourceLost};
use oriel_wire::{Rect, Size};

/// Pixels of a screen in `B8G8R8X8`, 4 bytes each, row by row without gaps.
#[derive(Debug, Clone, Default)]
pub struct Framebuffer {
    size: Size,
    /// Bytes of the pixels and of one further row, see [`Self::strided`].
    pixels: Vec<u8>,
}

impl PixelSource for Framebuffer {
    fn size(&self) -> Size {
        self.size
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        let row = self.row(x, y, (dst.len() / 4) as u32);
        if row.len() != dst.len() {
            return Err(SourceLost);
        }
        dst.copy_from_slice(row);
        Ok(())
    }
}

impl Framebuffer {
    /// Creates a black framebuffer.
    pub fn new(size: Size) -> Self {
        Self { size, pixels: vec![0; size.width as usize * (size.height as usize + 1) * 4] }
    }

    /// Returns the width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the number of bytes from one row to the next.
    pub fn stride(&self) -> usize {
        self.size.width as usize * 4
    }

    /// Returns the bytes of all pixels, row by row.
    pub fn pixels(&self) -> &[u8] {
        self.pixels.get(..self.stride() * self.size.height as usize).unwrap_or_default()
    }

    /// Returns the bytes of `rect` with a distance of [`Self::stride`] between rows; the last row is followed
    /// by bytes up to a whole stride. `None` when the rectangle lies outside.
    pub fn strided(&self, rect: Rect) -> Option<&[u8]> {
        if rect.intersection(&self.size.bounds()) != rect {
            return None;
        }
        let start = rect.y as usize * self.stride() + rect.x as usize * 4;
        self.pixels.get(start..start + rect.height as usize * self.stride())
    }

    /// Returns the bytes of `width` pixels of row `y` from column `x`; empty when they lie outside of the
    /// buffer.
    pub fn row(&self, x: u32, y: u32, width: u32) -> &[u8] {
        let start = y as usize * self.stride() + x as usize * 4;
        self.pixels.get(start..start + width as usize * 4).unwrap_or_default()
    }

    /// Returns the bytes of `width` pixels of row `y` from column `x` for writing; empty when they lie
    /// outside of the buffer.
    pub fn row_mut(&mut self, x: u32, y: u32, width: u32) -> &mut [u8] {
        let start = y as usize * self.stride() + x as usize * 4;
        self.pixels.get_mut(start..start + width as usize * 4).unwrap_or_default()
    }

    /// Copies the rectangle at (`src_x`, `src_y`) to `to`, correct for overlap. Does nothing if either lies
    /// outside.
    #[cfg(test)]
    pub fn copy(&mut self, src_x: u32, src_y: u32, to: Rect) {
        let inside = |rect: Rect| rect.intersection(&self.size.bounds()) == rect;
        if !inside(to) || !inside(Rect::new(src_x, src_y, to.width, to.height)) {
            return;
        }
        let stride = self.stride();
        let at = |x: u32, y: u32| y as usize * stride + x as usize * 4;
        let mut copy_row = |row: u32| {
            let (from, into) = (at(src_x, src_y + row), at(to.x, to.y + row));
            self.pixels.copy_within(from..from + to.width as usize * 4, into);
        };
        if src_y < to.y {
            (0..to.height).rev().for_each(&mut copy_row);
        } else {
            (0..to.height).for_each(&mut copy_row);
        }
    }

    /// Lists the bytes of each row of `rect`, top to bottom.
    pub fn rows(&self, rect: Rect) -> impl Iterator<Item = &[u8]> {
        (rect.y..rect.bottom()).map(move |y| self.row(rect.x, y, rect.width))
    }
}
