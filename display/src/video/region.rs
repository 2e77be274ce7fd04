//! Which part of the screen a video stream covers. Every change of it costs a key frame, so it
//! grows with room to spare and shrinks late.

use crate::geometry::{Rect, Size};
use crate::tiles::TILE;
use std::time::{Duration, Instant};

/// Room added on each side on which the region has to grow, so that a dragged window does not
/// outgrow it at every step.
const MARGIN: u32 = 2 * TILE;

/// A region this many times larger than what moves in it is too large …
const ROOMY: u64 = 3;

/// … and shrinks when it has been so for this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// The region of one stream.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    rect: Rect,
    roomy_since: Option<Instant>,
}

impl Region {
    /// The region over `moving` (whole tiles).
    pub fn new(moving: Rect) -> Self {
        Self { rect: moving, roomy_since: None }
    }

    /// The region's place.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Makes the region cover `moving` (whole tiles); true when it changed.
    pub fn fit(&mut self, moving: Rect, screen: Size, now: Instant) -> bool {
        let union = self.rect.union(&moving);
        if union != self.rect {
            self.rect = with_margin(self.rect, union, screen);
            self.roomy_since = None;
            return true;
        }
        let roomy = area(self.rect) > ROOMY * area(moving);
        let since = *self.roomy_since.get_or_insert(now);
        if !roomy {
            self.roomy_since = None;
        } else if now.duration_since(since) >= PATIENCE {
            *self = Self::new(moving);
            return true;
        }
        false
    }
}

fn area(rect: Rect) -> u64 {
    u64::from(rect.width) * u64::from(rect.height)
}

/// `grown`, with a margin on each side on which it goes beyond `before`.
fn with_margin(before: Rect, grown: Rect, screen: Size) -> Rect {
    let margin = |outgrown: bool| if outgrown { MARGIN } else { 0 };
    let x = grown.x.saturating_sub(margin(grown.x < before.x));
    let y = grown.y.saturating_sub(margin(grown.y < before.y));
    let right = grown.right() + margin(grown.right() > before.right());
    let bottom = grown.bottom() + margin(grown.bottom() > before.bottom());
    Rect::new(x, y, right - x, bottom - y).intersection(&screen.bounds())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Size = Size::new(1920, 1080);

    #[test]
    fn a_drag_changes_the_region_seldom() {
        let now = Instant::now();
        let mut region = Region::new(Rect::new(0, 128, 448, 384));
        let changes = (0..20)
            .filter(|step| {
                region.fit(Rect::new(step * 64, 128, 448, 384).intersection(&SCREEN.bounds()), SCREEN, now)
            })
            .count();
        assert!(changes <= 7, "{changes} key frames over 20 steps");
    }

    #[test]
    fn a_region_far_too_large_shrinks_after_a_while() {
        let now = Instant::now();
        let mut region = Region::new(SCREEN.bounds());
        let small = Rect::new(64, 64, 128, 128);
        assert!(!region.fit(small, SCREEN, now));
        assert!(!region.fit(small, SCREEN, now + PATIENCE / 2));
        assert!(region.fit(small, SCREEN, now + PATIENCE));
        assert_eq!(region.rect(), small);
    }

    #[test]
    fn it_stays_on_the_screen() {
        let mut region = Region::new(Rect::new(64, 64, 64, 64));
        assert!(region.fit(Rect::new(1856, 1024, 64, 56), SCREEN, Instant::now()));
        assert_eq!(region.rect(), Rect::new(64, 64, 1856, 1016));
    }
}
