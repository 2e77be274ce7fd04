//! Copy detection: finds rectangles that moved on the screen, as in scrolling and dragging, so that the
//! client copies them (update kind 1, as CopyRect in RFB).
//!
//! Offsets are guessed by [`feature_matcher`] and from the frame before; [`block_matcher`] compares every
//! rectangle pixel by pixel. No copy reads pixels that an earlier copy of the frame has overwritten.

mod block_matcher;
mod feature_matcher;
mod previous_frame;

pub use feature_matcher::Offset;
pub use previous_frame::PreviousFrame;

use crate::compare::changed_part;
use crate::framebuffer::Framebuffer;
use crate::tiles::{Grid, TileChange};
use block_matcher::BlockMatcher;
use feature_matcher::FeatureMatcher;
use oriel_wire::{Rect, Size, TILE};

/// Smallest number of changed pixels for a search; fewer are as cheap to send.
const MIN_AREA: u32 = TILE * TILE;

/// Largest number of copies in a frame.
const MAX_COPIES: usize = 8;

/// Largest number of rectangles that moved by the same offset in one area, as a page around an object at
/// rest.
const MAX_PIECES: usize = 4;

/// Divisor of the changed blocks, below which explained blocks are taken for chance, as in a film; such
/// copies would impede video.
const MIN_GAIN: u32 = 3;

/// Divisor of the changed blocks: offsets of the last frame still hold if at most this part remains
/// unexplained.
const STILL_VALID: u32 = 8;

/// Number of fruitless searches after which frames are skipped …
const BACKOFF_AFTER: u32 = 3;

/// … and the largest number of frames skipped between searches.
const MAX_SKIPPED: u32 = 128;

/// Rectangle that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyRect {
    /// Left edge of the source in pixels.
    pub src_x: u32,
    /// Top edge of the source in pixels.
    pub src_y: u32,
    /// Destination rectangle.
    pub to: Rect,
}

impl CopyRect {
    /// Returns the source rectangle.
    pub fn source(&self) -> Rect {
        Rect::new(self.src_x, self.src_y, self.to.width, self.to.height)
    }

    /// Returns the offset from source to destination.
    fn offset(&self) -> Offset {
        (self.to.x.wrapping_sub(self.src_x).cast_signed(), self.to.y.wrapping_sub(self.src_y).cast_signed())
    }
}

/// Result of the search in one frame.
#[derive(Debug, Default)]
pub struct CopyResult {
    /// Copies in the order in which the client carries them out.
    pub copies: Vec<CopyRect>,
    /// Changes that came into view beside the copies, in the order of the grid; they are removed from the
    /// changes given to [`CopyDetector::find`].
    pub exposed: Vec<TileChange>,
}

/// Detector of copied rectangles; its buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub struct CopyDetector {
    previous: PreviousFrame,
    features: FeatureMatcher,
    blocks: BlockMatcher,
    /// Offsets found in the last frame with a search.
    last: Vec<Offset>,
    /// Number of fruitless searches since the last successful one.
    fruitless: u32,
    /// Number of changed tiles in the last fruitless search.
    fruitless_changes: usize,
    /// Number of frames to skip before the next search.
    skip: u32,
    /// True if old pixels are kept in this frame, so that a search is possible.
    armed: bool,
}

impl CopyDetector {
    /// Begins a frame; returns the place for pixels that the scan overwrites, or `None` while searches are
    /// skipped.
    pub fn arm(&mut self, size: Size) -> Option<&mut PreviousFrame> {
        self.armed = self.skip == 0;
        if !self.armed {
            self.skip -= 1;
            return None;
        }
        self.previous.begin(size);
        Some(&mut self.previous)
    }

    /// Finds copies in a frame. `changes` are the tiles that the scan found; afterwards it has those that the
    /// copies do not explain. Of these, the changes beside copies go to [`CopyResult::exposed`].
    pub fn find(&mut self, current: &Framebuffer, changes: &mut Vec<TileChange>) -> CopyResult {
        let mut found = CopyResult::default();
        let area: u32 = changes.iter().map(|change| change.rect.width * change.rect.height).sum();
        if !self.armed {
            // A very different number of changes may come from something that moves.
            if changes.len() > self.fruitless_changes * 2 || changes.len() < self.fruitless_changes / 2 {
                self.skip = 0;
            }
            return found;
        }
        if area < MIN_AREA {
            return found;
        }
        let grid = Grid::new(current.size());
        let last = std::mem::take(&mut self.last);
        let mut left = Vec::new();
        for group in grid.groups(changes.iter().map(|change| change.tile)) {
            let within = |change: &TileChange| change.rect.intersection(&group) == change.rect;
            let own: Vec<TileChange> = changes.iter().copied().filter(within).collect();
            let copies = self.search(current, group, &own, &last);
            if copies.is_empty() || found.copies.len() + copies.len() > MAX_COPIES {
                left.extend(own);
                continue;
            }
            let rest = self.rest(current, &grid, group, &copies);
            let changed =
                |of: &[TileChange]| of.iter().map(|one| one.rect.width * one.rect.height).sum::<u32>();
            // Where most is new all the same, as around a film in a page, the tile history decides.
            let exposed = changed(&rest) * 2 < changed(&own);
            if exposed { &mut found.exposed } else { &mut left }.extend(rest);
            for offset in copies.iter().map(CopyRect::offset) {
                if !self.last.contains(&offset) {
                    self.last.push(offset);
                }
            }
            found.copies.extend(copies);
        }
        left.sort_unstable_by_key(|change| change.tile);
        found.exposed.sort_unstable_by_key(|change| change.tile);
        self.learn(found.copies.is_empty(), changes.len());
        *changes = left;
        found
    }

    /// Records the outcome of a search; after several fruitless ones, frames are skipped with doubling
    /// distance.
    fn learn(&mut self, fruitless: bool, changes: usize) {
        if !fruitless {
            self.fruitless = 0;
            return;
        }
        self.fruitless += 1;
        self.fruitless_changes = changes;
        if self.fruitless >= BACKOFF_AFTER {
            self.skip =
                1u32.checked_shl(self.fruitless - BACKOFF_AFTER + 1).unwrap_or(u32::MAX).min(MAX_SKIPPED);
        }
    }

    /// Finds copies within one area of changes.
    fn search(
        &mut self,
        current: &Framebuffer,
        group: Rect,
        changes: &[TileChange],
        last: &[Offset],
    ) -> Vec<CopyRect> {
        let mut copies = Vec::new();
        if group.width * group.height < MIN_AREA {
            return copies;
        }
        let previous = self.previous.fill(group, current);
        let blocks = &mut self.blocks;
        blocks.begin(group, changes);
        let mut all = blocks.unexplained();
        for offset in last {
            take_copies(blocks, previous, current, *offset, &mut copies);
        }
        if blocks.unexplained() > all / STILL_VALID {
            // The offsets of the last frame do not hold; flat areas may have matched by chance.
            copies.clear();
            blocks.begin(group, changes);
            blocks.refine_changed(previous, current);
            all = blocks.unexplained();
            for offset in self.features.estimate(previous, current, group) {
                take_copies(blocks, previous, current, offset, &mut copies);
            }
        }
        if all - blocks.unexplained() < all / MIN_GAIN {
            copies.clear();
        }
        copies
    }

    /// Lists the changes in the area that the copies do not cover.
    fn rest(
        &mut self,
        current: &Framebuffer,
        grid: &Grid,
        group: Rect,
        copies: &[CopyRect],
    ) -> Vec<TileChange> {
        let previous = self.previous.fill(group, current);
        let left = |tile| {
            let mut parts = vec![grid.rect(tile)];
            for one in copies {
                parts = parts.iter().flat_map(|part| part.without(&one.to)).collect();
            }
            let changed = parts.iter().filter_map(|part| changed_part(previous, current, *part));
            let rect = changed.fold(Rect::default(), |sum, part| sum.union(&part));
            (!rect.is_empty()).then_some(TileChange { tile, rect })
        };
        grid.touched(&group).filter_map(left).collect()
    }
}

/// Adds the rectangles that moved by `offset`, those that explain the most first.
fn take_copies(
    blocks: &mut BlockMatcher,
    previous: &Framebuffer,
    current: &Framebuffer,
    offset: Offset,
    copies: &mut Vec<CopyRect>,
) {
    let (right, down) = offset;
    if copies.len() >= MAX_COPIES || !blocks.try_offset(previous, current, offset) {
        return;
    }
    let mut pieces = Vec::new();
    while pieces.len() < MAX_PIECES && copies.len() + pieces.len() < MAX_COPIES {
        let Some(to) = blocks.take(previous, current, offset) else { break };
        pieces.push(to);
    }
    for to in pieces {
        let (src_x, src_y) = (to.x.wrapping_add_signed(-right), to.y.wrapping_add_signed(-down));
        insert(copies, CopyRect { src_x, src_y, to });
    }
}

/// Inserts a copy at a place in the order where it reads no overwritten pixels and overwrites none that a
/// later copy reads; without such a place it is dropped.
fn insert(copies: &mut Vec<CopyRect>, one: CopyRect) {
    let apart = |to: &CopyRect, from: &CopyRect| to.to.intersection(&from.source()).is_empty();
    let fits = |place: &usize| {
        let (earlier, later) = copies.split_at(*place);
        earlier.iter().all(|other| apart(other, &one)) && later.iter().all(|other| apart(&one, other))
    };
    if let Some(place) = (0..=copies.len()).find(fits) {
        copies.insert(place, one);
    }
}

#[cfg(test)]
mod tests;
