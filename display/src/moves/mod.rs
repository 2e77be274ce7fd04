//! Finds what moved on the screen, as in scrolling and dragging, so that the client can copy it.
//!
//! Guesses come from hashes and from the frame before; every rectangle given was compared pixel by
//! pixel, and none takes pixels that a copy before it has overwritten.

mod anchors;
mod before;
mod cells;

pub use anchors::Offset;
pub use before::Before;

use crate::damage::{Change, changed_part};
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use anchors::Anchors;
use cells::Cells;
use oriel_wire::{Rect, Size, TILE};

/// What changed on fewer pixels is as cheap sent as it is.
const LEAST_AREA: u32 = TILE * TILE;

/// Copies in a frame.
const MOST_MOVES: usize = 8;

/// Rectangles that moved by the same offset in one area: a page around something that stood still.
const MOST_PIECES: usize = 4;

/// Copies that explain less than one in so many changed cells are chance, as in a film, and only
/// stand in the way of video.
const WORTHWHILE: u32 = 3;

/// Guesses of frames before that still hold explain all but one in so many changed cells.
const STILL_RIGHT: u32 = 8;

/// After so many searches in vain most changes are left alone …
const DISCOURAGED: u32 = 3;

/// … and one in so many is searched at last.
const MOST_SKIPPED: u32 = 128;

/// A rectangle that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Where it was, left.
    pub src_x: u32,
    /// Where it was, top.
    pub src_y: u32,
    /// Where it is.
    pub to: Rect,
}

impl Move {
    /// Where it was.
    pub fn from(&self) -> Rect {
        Rect::new(self.src_x, self.src_y, self.to.width, self.to.height)
    }

    /// How far it went.
    fn offset(&self) -> Offset {
        (self.to.x.wrapping_sub(self.src_x).cast_signed(), self.to.y.wrapping_sub(self.src_y).cast_signed())
    }
}

/// What was found in a frame.
#[derive(Debug, Default)]
pub struct Found {
    /// To be copied in this order.
    pub moves: Vec<Move>,
    /// What came into view beside them, in the grid's order; it is taken from the changes.
    pub exposed: Vec<Change>,
}

/// The search; buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub struct Moves {
    before: Before,
    anchors: Anchors,
    cells: Cells,
    /// How things moved in the frame before.
    last: Vec<Offset>,
    /// Searches in vain since the last that found something, and how much had changed in the last.
    in_vain: u32,
    in_vain_changes: usize,
    /// Frames to let pass before the next search.
    skip: u32,
    armed: bool,
}

impl Moves {
    /// Begins a frame: where to keep what a scan overwrites, or `None` while nothing moves as a whole.
    pub fn arm(&mut self, size: Size) -> Option<&mut Before> {
        self.armed = self.skip == 0;
        if !self.armed {
            self.skip -= 1;
            return None;
        }
        self.before.begin(size);
        Some(&mut self.before)
    }

    /// Finds what moved. `changes` is what the scan found, which becomes what the copies leave; of
    /// that, what lies where something moved goes to [`Found::exposed`].
    pub fn find(&mut self, now: &Framebuffer, changes: &mut Vec<Change>) -> Found {
        let mut found = Found::default();
        let area: u32 = changes.iter().map(|change| change.rect.width * change.rect.height).sum();
        if !self.armed {
            // Something else changes now: maybe that moves.
            if changes.len() > self.in_vain_changes * 2 || changes.len() < self.in_vain_changes / 2 {
                self.skip = 0;
            }
            return found;
        }
        if area < LEAST_AREA {
            return found;
        }
        let grid = Grid::new(now.size());
        let last = std::mem::take(&mut self.last);
        let mut left = Vec::new();
        for group in grid.groups(changes.iter().map(|change| change.tile)) {
            let within = |change: &Change| change.rect.intersection(&group) == change.rect;
            let own: Vec<Change> = changes.iter().copied().filter(within).collect();
            let moves = self.search(now, group, &own, &last);
            if moves.is_empty() || found.moves.len() + moves.len() > MOST_MOVES {
                left.extend(own);
                continue;
            }
            let rest = self.rest(now, &grid, group, &moves);
            let changed = |of: &[Change]| of.iter().map(|one| one.rect.width * one.rect.height).sum::<u32>();
            // Where most is new all the same, as around a film in a page, history decides.
            let exposed = changed(&rest) * 2 < changed(&own);
            if exposed { &mut found.exposed } else { &mut left }.extend(rest);
            for offset in moves.iter().map(Move::offset) {
                if !self.last.contains(&offset) {
                    self.last.push(offset);
                }
            }
            found.moves.extend(moves);
        }
        left.sort_unstable_by_key(|change| change.tile);
        found.exposed.sort_unstable_by_key(|change| change.tile);
        self.learn(found.moves.is_empty(), changes.len());
        *changes = left;
        found
    }

    fn learn(&mut self, in_vain: bool, changes: usize) {
        if !in_vain {
            self.in_vain = 0;
            return;
        }
        self.in_vain += 1;
        self.in_vain_changes = changes;
        if self.in_vain >= DISCOURAGED {
            self.skip =
                1u32.checked_shl(self.in_vain - DISCOURAGED + 1).unwrap_or(u32::MAX).min(MOST_SKIPPED);
        }
    }

    /// Finds the moves within one area of changes.
    fn search(&mut self, now: &Framebuffer, group: Rect, changes: &[Change], last: &[Offset]) -> Vec<Move> {
        let mut moves = Vec::new();
        if group.width * group.height < LEAST_AREA {
            return moves;
        }
        let before = self.before.complete(group, now);
        let cells = &mut self.cells;
        cells.begin(group, changes);
        let mut all = cells.unexplained();
        for offset in last {
            take_all(cells, before, now, *offset, &mut moves);
        }
        if cells.unexplained() > all / STILL_RIGHT {
            // Something else happened; flat areas may have looked as if they still moved.
            moves.clear();
            cells.begin(group, changes);
            cells.look(before, now);
            all = cells.unexplained();
            for offset in self.anchors.guess(before, now, group) {
                take_all(cells, before, now, offset, &mut moves);
            }
        }
        if all - cells.unexplained() < all / WORTHWHILE {
            moves.clear();
        }
        moves
    }

    /// What has changed in the area beside what moved.
    fn rest(&mut self, now: &Framebuffer, grid: &Grid, group: Rect, moves: &[Move]) -> Vec<Change> {
        let before = self.before.complete(group, now);
        let left = |tile| {
            let mut parts = vec![grid.rect(tile)];
            for one in moves {
                parts = parts.iter().flat_map(|part| part.without(&one.to)).collect();
            }
            let changed = parts.iter().filter_map(|part| changed_part(before, now, *part));
            let rect = changed.fold(Rect::default(), |sum, part| sum.union(&part));
            (!rect.is_empty()).then_some(Change { tile, rect })
        };
        grid.touched(&group).filter_map(left).collect()
    }
}

/// Takes the rectangles that moved by `offset`, those that explain the most first.
fn take_all(
    cells: &mut Cells,
    before: &Framebuffer,
    now: &Framebuffer,
    offset: Offset,
    moves: &mut Vec<Move>,
) {
    let (right, down) = offset;
    if moves.len() >= MOST_MOVES || !cells.try_offset(before, now, offset) {
        return;
    }
    let mut pieces = Vec::new();
    while pieces.len() < MOST_PIECES && moves.len() + pieces.len() < MOST_MOVES {
        let Some(to) = cells.take(before, now, offset) else { break };
        pieces.push(to);
    }
    for to in pieces {
        let (src_x, src_y) = (to.x.wrapping_add_signed(-right), to.y.wrapping_add_signed(-down));
        insert(moves, Move { src_x, src_y, to });
    }
}

/// Puts a copy where it takes nothing that was overwritten, and overwrites nothing that is still
/// to be taken; without such a place it is left out.
fn insert(moves: &mut Vec<Move>, one: Move) {
    let apart = |to: &Move, from: &Move| to.to.intersection(&from.from()).is_empty();
    let fits = |place: &usize| {
        let (earlier, later) = moves.split_at(*place);
        earlier.iter().all(|other| apart(other, &one)) && later.iter().all(|other| apart(&one, other))
    };
    if let Some(place) = (0..=moves.len()).find(fits) {
        moves.insert(place, one);
    }
}

#[cfg(test)]
mod tests;
