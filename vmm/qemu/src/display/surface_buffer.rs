//! Framebuffer with Oriel's copy of QEMU's picture.

use oriel_display::{PixelSource, SourceLost};
use oriel_wire::{Rect, Size};
use parking_lot::RwLock;

/// Framebuffer of a fixed size, BGRX. The display's thread writes it, viewers read it row by row.
pub(super) struct SurfaceBuffer {
    size: Size,
    /// Pixels of four bytes, `size.width * size.height` of them, without gaps.
    pixels: RwLock<Vec<u8>>,
}

impl SurfaceBuffer {
    /// Creates a black framebuffer.
    pub fn new(size: Size) -> Self {
        Self { size, pixels: RwLock::new(vec![0; size.width as usize * size.height as usize * 4]) }
    }

    /// Calls `write` with each row of `rect` inside the picture, and the row's number within `rect`, until a
    /// call fails.
    pub fn write_rows<E>(
        &self,
        rect: Rect,
        mut write: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let inside = rect.intersection(&self.size.bounds());
        let mut pixels = self.pixels.write();
        for y in 0..inside.height {
            if let Some(row) = span(self.size, inside.x, inside.y + y, inside.width as usize * 4)
                .and_then(|span| pixels.get_mut(span))
            {
                write(y, row)?;
            }
        }
        Ok(())
    }
}

/// Returns the byte range of `length` bytes in row `y` from column `x`; `None` if they exceed the row.
fn span(size: Size, x: u32, y: u32, length: usize) -> Option<std::ops::Range<usize>> {
    let row = size.width as usize * 4;
    let left = (x as usize).checked_mul(4)?;
    let right = left.checked_add(length)?;
    if y >= size.height || right > row {
        return None;
    }
    let start = row * y as usize;
    Some(start + left..start + right)
}

impl PixelSource for SurfaceBuffer {
    fn size(&self) -> Size {
        self.size
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        let span = span(self.size, x, y, dst.len()).ok_or(SourceLost)?;
        let pixels = self.pixels.read();
        dst.copy_from_slice(pixels.get(span).ok_or(SourceLost)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lands_where_it_belongs_and_nowhere_else() {
        let buffer = SurfaceBuffer::new(Size::new(4, 3));
        let write = buffer.write_rows(Rect::new(1, 1, 2, 9), |y, row| {
            row.fill(y as u8 + 1);
            Ok::<_, ()>(())
        });
        assert_eq!(write, Ok(()));
        let mut row = [9; 16];
        buffer.read_row(0, 0, &mut row).unwrap();
        assert_eq!(row, [0; 16]);
        buffer.read_row(0, 2, &mut row).unwrap();
        assert_eq!(row, [0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn reading_outside_is_refused() {
        let buffer = SurfaceBuffer::new(Size::new(4, 3));
        assert!(buffer.read_row(0, 3, &mut [0; 4]).is_err());
        assert!(buffer.read_row(2, 0, &mut [0; 12]).is_err());
        assert!(buffer.read_row(u32::MAX, u32::MAX, &mut [0; 4]).is_err());
        assert!(buffer.read_row(4, 2, &mut []).is_ok());
    }
}
