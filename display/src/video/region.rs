//! Which part of the screen a video stream covers. Every change of it costs a key frame, so it
//! grows with room to spare and shrinks late.

use crate::tiles::Grid;
use oriel_wire::{Rect, Size, TILE};
use std::time::{Duration, Instant};

/// Room added on each side on which the region has to grow, so that a dragged window does not
/// outgrow it at every step.
const MARGIN: u32 = 2 * TILE;

/// A region that costs so many times as much as what moved in it would …
const ROOMY: u64 = 2;

/// … in this time gives way to that. Measured (bench-encode, a film after the desktop's first picture):
/// 1 s takes a third less processor time than 2 s at the same bytes, for a key frame is worth few others.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a stream costs by itself, in pixels that stand still. Measured: a picture takes 0.07 ms to decode
/// in a browser and next to nothing to code, however small; a million pixels that stand still take 0.4
/// and 2 ms.
const STREAM_COST: u64 = 32 * 1024;

/// The region of one stream.
#[derive(Debug, Clone)]
pub struct Region {
    rect: Rect,
    /// Since when `moved` is kept.
    since: Instant,
    /// For each tile of the grid whether it moved within the region.
    moved: Vec<bool>,
}

impl Region {
    /// The region over `rect` (whole tiles).
    pub fn new(rect: Rect, now: Instant) -> Self {
        Self { rect, since: now, moved: Vec::new() }
    }

    /// The region's place.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Notes the tiles that are coded now.
    pub fn note(&mut self, grid: &Grid, tiles: &[usize]) {
        self.moved.resize(grid.len(), false);
        for tile in tiles {
            if let Some(moved) = self.moved.get_mut(*tile) {
                *moved = true;
            }
        }
    }

    /// The regions, at most `at_most`, that had better take this one's place, the largest first;
    /// `None` while it is as good.
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

/// Pixels.
pub fn area(rect: Rect) -> u64 {
    u64::from(rect.width) * u64::from(rect.height)
}

/// What a stream over `rect` costs, in pixels.
pub fn cost(rect: Rect) -> u64 {
    area(rect) + STREAM_COST
}

/// Joins those that cost no less apart, and then the cheapest to join until there are no more than `at_most`.
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

/// `grown`, with a margin on each side on which it goes beyond `before`.
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
