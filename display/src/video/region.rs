//! Region of the screen that a video stream covers, in whole tiles.
//!
//! Every change of a region costs a key frame, so a region grows with a margin and shrinks late.
//! [`super::streams`] decides; this module measures and compares costs.

use crate::tiles::Grid;
use oriel_wire::{Rect, Size, TILE};
use std::time::{Duration, Instant};

/// Margin in pixels added on each side on which a region grows, so that a dragged window does not outgrow the
/// region at every step.
const MARGIN: u32 = 2 * TILE;

/// Ratio of a region's cost to the cost of the parts in motion from which the region is replaced …
const ROOMY: u64 = 2;

/// … at the end of this observation time. Measured (bench-encode, a film after the desktop's first picture):
/// 1 s takes a third less processor time than 2 s at the same bytes, for a key frame is worth few others.
const PATIENCE: Duration = Duration::from_secs(1);

/// Fixed cost of a stream, in pixels at rest. Measured: a picture takes 0.07 ms to decode in a browser and
/// next to nothing to encode, however small; a million pixels at rest take 0.4 and 2 ms.
const STREAM_COST: u64 = 32 * 1024;

/// Region of one stream, with a record of the tiles in motion.
#[derive(Debug, Clone)]
pub struct Region {
    rect: Rect,
    /// Start of the observation time of `moved`.
    since: Instant,
    /// Flag for each tile of the screen's grid: encoded in this stream since `since`.
    moved: Vec<bool>,
}

impl Region {
    /// Creates the region over `rect` (whole tiles).
    pub fn new(rect: Rect, now: Instant) -> Self {
        Self { rect, since: now, moved: Vec::new() }
    }

    /// Returns the region's rectangle in pixels.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Records tiles that were encoded in this region.
    pub fn note(&mut self, grid: &Grid, tiles: &[usize]) {
        self.moved.resize(grid.len(), false);
        for tile in tiles {
            if let Some(moved) = self.moved.get_mut(*tile) {
                *moved = true;
            }
        }
    }

    /// Proposes regions to replace this one, at most `at_most`, largest first; `None` during the observation
    /// time or if they would not cost less than half.
    pub fn better(&mut self, grid: &Grid, at_most: usize, now: Instant) -> Option<Vec<Rect>> {
        if now.duration_since(self.since) < PATIENCE {
            return None;
        }
        let moved = self.moved.iter().enumerate().filter(|(_, moved)| **moved);
        let mut parts = join(grid.groups(moved.map(|(tile, _)| tile)), at_most);
        self.since = now;
        self.moved.fill(false);
        let sum: u64 = parts.iter().map(|part| cost(*part)).sum();
        parts.sort_by_key(|part| std::cmp::Reverse(area(*part)));
        (!parts.is_empty() && sum * ROOMY < cost(self.rect)).then_some(parts)
    }
}

/// Returns the number of pixels of a rectangle.
pub fn area(rect: Rect) -> u64 {
    u64::from(rect.width) * u64::from(rect.height)
}

/// Returns the cost of a stream over `rect`, in pixels at rest.
pub fn cost(rect: Rect) -> u64 {
    area(rect) + STREAM_COST
}

/// Joins rectangles that cost no less apart, then the pairs that are cheapest to join until at most `at_most`
/// remain.
fn join(mut rects: Vec<Rect>, at_most: usize) -> Vec<Rect> {
    loop {
        let pairs = (0..rects.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        let added = |(one, other): (usize, usize)| {
            let (one, other) = (*rects.get(one)?, *rects.get(other)?);
            Some(cost(one.union(&other)) as i64 - cost(one) as i64 - cost(other) as i64)
        };
        let cheapest = pairs.filter_map(|pair| Some((added(pair)?, pair))).min();
        let Some((added, (one, other))) = cheapest else { return rects };
        if added > 0 && rects.len() <= at_most {
            return rects;
        }
        // `other` comes first, so its place holds once `one` is out.
        let one = rects.swap_remove(one);
        if let Some(other) = rects.get_mut(other) {
            *other = other.union(&one);
        }
    }
}

/// Enlarges `grown` by a margin on each side on which it exceeds `before`, clipped to the screen.
pub fn with_margin(before: Rect, grown: Rect, screen: Size) -> Rect {
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

    fn tiles(grid: &Grid, rects: &[Rect]) -> Vec<usize> {
        rects.iter().flat_map(|rect| grid.touched(rect)).collect()
    }

    #[test]
    fn a_region_far_too_large_shrinks_after_a_while_to_all_that_moved() {
        let (grid, now) = (Grid::new(SCREEN), Instant::now());
        let mut region = Region::new(SCREEN.bounds(), now);
        let (one, other) = (Rect::new(64, 64, 128, 128), Rect::new(256, 128, 64, 64));
        region.note(&grid, &tiles(&grid, &[one]));
        assert_eq!(region.better(&grid, 4, now + PATIENCE / 2), None);
        region.note(&grid, &tiles(&grid, &[other]));
        assert_eq!(region.better(&grid, 4, now + PATIENCE), Some(vec![one.union(&other)]));
        assert_eq!(region.better(&grid, 4, now + PATIENCE * 2), None, "nothing moved since");
    }

    #[test]
    fn what_moves_far_apart_is_better_off_apart() {
        let (grid, now) = (Grid::new(SCREEN), Instant::now());
        let corners = [Rect::new(0, 0, 640, 384), Rect::new(1280, 640, 640, 384), Rect::new(0, 960, 64, 64)];
        let mut region = Region::new(SCREEN.bounds(), now);
        region.note(&grid, &tiles(&grid, &corners));
        assert_eq!(region.better(&grid, 4, now + PATIENCE), Some(corners.to_vec()));
        let dots = [(0, 0), (1856, 960), (0, 512)].map(|(x, y)| Rect::new(x, y, 64, 64));
        region.note(&grid, &tiles(&grid, &dots));
        let two = region.better(&grid, 2, now + PATIENCE * 2);
        assert_eq!(two, Some(vec![Rect::new(0, 0, 64, 576), dots[1]]));
    }

    #[test]
    fn a_region_that_fits_well_enough_stays() {
        let (grid, now) = (Grid::new(SCREEN), Instant::now());
        let mut region = Region::new(Rect::new(0, 0, 640, 384), now);
        region.note(&grid, &tiles(&grid, &[Rect::new(0, 0, 192, 384), Rect::new(448, 0, 192, 384)]));
        assert_eq!(region.better(&grid, 4, now + PATIENCE), None);
        region.note(&grid, &tiles(&grid, &[Rect::new(0, 0, 384, 384)]));
        assert_eq!(region.better(&grid, 4, now + PATIENCE * 2), None);
    }

    #[test]
    fn growing_stays_on_the_screen() {
        let before = Rect::new(64, 64, 64, 64);
        let grown = before.union(&Rect::new(1856, 1024, 64, 56));
        assert_eq!(with_margin(before, grown, SCREEN), Rect::new(64, 64, 1856, 1016));
    }
}
