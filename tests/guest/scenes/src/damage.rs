//! Rectangles, and the few of them that a step changes.

use core::ops::Deref;

/// A rectangle in pixels, origin at the top left; empty when a side is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Pixels across.
    pub width: i32,
    /// Pixels down.
    pub height: i32,
}

impl Rect {
    /// A rectangle with its top left corner at (`x`, `y`).
    pub const fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    /// Whether it covers no pixel.
    pub const fn is_empty(&self) -> bool {
        self.width <= 0 || self.height <= 0
    }

    /// One past the rightmost column.
    pub const fn right(&self) -> i32 {
        self.x + self.width
    }

    /// One past the lowest row.
    pub const fn bottom(&self) -> i32 {
        self.y + self.height
    }

    /// Whether the pixel (`x`, `y`) is inside.
    pub const fn contains(&self, x: i32, y: i32) -> bool {
        x >= self.x && x < self.right() && y >= self.y && y < self.bottom()
    }

    /// What both cover; empty when they do not meet.
    pub fn intersection(&self, other: &Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        Self::new(x, y, (right - x).max(0), (bottom - y).max(0))
    }

    /// The smallest rectangle that covers both; an empty one adds nothing.
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self::new(x, y, self.right().max(other.right()) - x, self.bottom().max(other.bottom()) - y)
    }

    /// This rectangle with `margin` more pixels on each side, or fewer if negative.
    pub const fn grown(&self, margin: i32) -> Self {
        Self::new(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)
    }

    /// This rectangle moved.
    pub const fn moved(&self, x: i32, y: i32) -> Self {
        Self::new(self.x + x, self.y + y, self.width, self.height)
    }
}

const RECTS_MAX: usize = 4;

/// The rectangles that a step changed: inside the screen, none empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Damage {
    rects: [Rect; RECTS_MAX],
    count: usize,
}

impl Damage {
    /// No damage.
    pub const fn none() -> Self {
        Self { rects: [Rect::new(0, 0, 0, 0); RECTS_MAX], count: 0 }
    }

    /// These rectangles; more than four are merged into the last, and empty ones left out.
    pub fn of(rects: &[Rect]) -> Self {
        let mut damage = Self::none();
        for rect in rects.iter().filter(|rect| !rect.is_empty()) {
            if damage.count < RECTS_MAX {
                damage.rects[damage.count] = *rect;
                damage.count += 1;
            } else {
                damage.rects[RECTS_MAX - 1] = damage.rects[RECTS_MAX - 1].union(rect);
            }
        }
        damage
    }

    /// This damage as far as it lies inside `bounds`.
    pub(crate) fn clipped(&self, bounds: Rect) -> Self {
        let mut rects = self.rects;
        rects.iter_mut().for_each(|rect| *rect = rect.intersection(&bounds));
        Self::of(&rects[..self.count])
    }
}

impl Deref for Damage {
    type Target = [Rect];

    fn deref(&self) -> &[Rect] {
        &self.rects[..self.count]
    }
}
