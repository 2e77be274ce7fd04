//! Comparison of pixels: the part of a row or rectangle that differs. Used by scan and copy detection;
//! independent of tiles and frames.

use crate::framebuffer::Framebuffer;
use oriel_wire::Rect;

/// Bounding box of differing pixels, extended row by row; `right` and `bottom` are one past the last.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// First differing column.
    pub left: u32,
    /// One past the last differing column.
    pub right: u32,
    /// First differing row.
    pub top: u32,
    /// One past the last differing row.
    pub bottom: u32,
}

impl Bounds {
    /// Empty box.
    pub const NONE: Self = Self { left: u32::MAX, right: 0, top: u32::MAX, bottom: 0 };

    /// Extends the box by the columns `left` to `right` (exclusive) of row `y`, which lies below those added
    /// before.
    #[inline]
    pub fn add(&mut self, left: u32, right: u32, y: u32) {
        self.left = self.left.min(left);
        self.right = self.right.max(right);
        self.top = self.top.min(y);
        self.bottom = y + 1;
    }
}

/// Finds the differing part of two rows of BGRX pixels: index of the first differing pixel, and one past the
/// last; `None` when the rows are equal.
#[inline]
pub fn ends_of_difference(one: &[u8], other: &[u8]) -> Option<(u32, u32)> {
    let (one, other) = (one.as_chunks::<4>().0, other.as_chunks::<4>().0);
    let left = one.iter().zip(other).position(|(one, other)| one != other)?;
    let right = one.iter().zip(other).rposition(|(one, other)| one != other)?;
    Some((left as u32, right as u32 + 1))
}

/// Finds the smallest rectangle within `rect` that covers every differing pixel of two framebuffers of the
/// same size; `None` when they are equal there.
pub fn changed_part(one: &Framebuffer, other: &Framebuffer, rect: Rect) -> Option<Rect> {
    let mut bounds = Bounds::NONE;
    for y in rect.y..rect.bottom() {
        let (one, other) = (one.row(rect.x, y, rect.width), other.row(rect.x, y, rect.width));
        if one != other
            && let Some((left, right)) = ends_of_difference(one, other)
        {
            bounds.add(left, right, y);
        }
    }
    let Bounds { left, right, top, bottom } = bounds;
    (right > left).then(|| Rect::new(rect.x + left, top, right - left, bottom - top))
}
