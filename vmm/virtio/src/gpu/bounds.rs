//! Bounds checks of rectangles and pixel rows from a guest.

use super::format::PIXEL_LEN;
use oriel_wire::{Rect, Size};

/// Whether `rect` is entirely within `size`.
pub fn contains(size: Size, rect: Rect) -> bool {
    let right = rect.x.checked_add(rect.width);
    let bottom = rect.y.checked_add(rect.height);
    right.is_some_and(|right| right <= size.width) && bottom.is_some_and(|bottom| bottom <= size.height)
}

/// Whether `len` bytes are whole pixels that fit into one row of `size` from the pixel (`x`, `y`) on.
pub fn span_fits(size: Size, x: u32, y: u32, len: usize) -> bool {
    let pixels = len / PIXEL_LEN;
    len.is_multiple_of(PIXEL_LEN)
        && y < size.height
        && (x as usize).checked_add(pixels).is_some_and(|end| end <= size.width as usize)
}
