//! Sizes and rectangles in pixels of the guest's screen, origin at the top left.

use serde::{Deserialize, Serialize};

/// Size of a picture or screen in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Rectangle of pixels; empty when either side is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Rect {
    /// Column of the left edge, in pixels from the screen's left edge.
    pub x: u32,
    /// Row of the top edge, in pixels from the screen's top edge.
    pub y: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// Size of `width` by `height` pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Rectangle at the origin that covers the whole size.
    pub const fn bounds(self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }
}

impl Rect {
    /// Rectangle with the top left corner at (`x`, `y`).
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// Returns `true` for a rectangle that covers no pixel.
    pub const fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Column to the right of the rectangle's last column; saturates at `u32::MAX`.
    pub const fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// Row below the rectangle's last row; saturates at `u32::MAX`.
    pub const fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Rectangle of the pixels that both rectangles cover; empty when they have no pixel in common.
    pub fn intersection(&self, other: &Rect) -> Rect {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        Rect::new(x, y, right.saturating_sub(x), bottom.saturating_sub(y))
    }

    /// Pixels of the rectangle outside of `other`: at most four rectangles that do not overlap.
    pub fn without(&self, other: &Rect) -> impl Iterator<Item = Rect> + use<> {
        let (all, hole) = (*self, self.intersection(other));
        let parts = if hole.is_empty() {
            [all, Rect::default(), Rect::default(), Rect::default()]
        } else {
            [
                Rect { height: hole.y - all.y, ..all },
                Rect::new(all.x, hole.y, hole.x - all.x, hole.height),
                Rect::new(hole.right(), hole.y, all.right() - hole.right(), hole.height),
                Rect { y: hole.bottom(), height: all.bottom() - hole.bottom(), ..all },
            ]
        };
        parts.into_iter().filter(|part| !part.is_empty())
    }

    /// Smallest rectangle that covers both rectangles; an empty rectangle adds nothing.
    pub fn union(&self, other: &Rect) -> Rect {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        let x = self.x.min(other.x);
        let y = self.y.min(other.y);
        Rect::new(x, y, self.right().max(other.right()) - x, self.bottom().max(other.bottom()) - y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersection_of_strangers_is_empty() {
        assert!(Rect::new(0, 0, 10, 10).intersection(&Rect::new(10, 0, 5, 5)).is_empty());
    }

    #[test]
    fn hostile_edges_saturate() {
        let far = Rect::new(u32::MAX - 1, 0, 100, 1);
        assert_eq!(far.right(), u32::MAX);
        assert_eq!(far.intersection(&Rect::new(0, 0, 100, 100)), Rect::new(u32::MAX - 1, 0, 0, 1));
    }

    #[test]
    fn a_hole_leaves_four_sides_and_a_stranger_leaves_all() {
        let all = Rect::new(10, 10, 30, 20);
        let around: Vec<Rect> = all.without(&Rect::new(15, 12, 5, 6)).collect();
        let sides = [
            Rect::new(10, 10, 30, 2),
            Rect::new(10, 12, 5, 6),
            Rect::new(20, 12, 20, 6),
            Rect::new(10, 18, 30, 12),
        ];
        assert_eq!(around, sides);
        assert!(all.without(&Rect::new(40, 10, 5, 5)).eq([all]));
        assert_eq!(all.without(&Rect::new(0, 0, 100, 100)).count(), 0);
    }

    #[test]
    fn union_ignores_the_empty() {
        let a = Rect::new(5, 6, 7, 8);
        assert_eq!(a.union(&Rect::default()), a);
        assert_eq!(Rect::default().union(&a), a);
    }
}
