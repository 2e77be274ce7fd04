//! Block matcher: finds rectangles that moved by a given offset, by comparing pixels of the frame and the one
//! before.
//!
//! The area is divided into blocks; a block has moved if all its pixels equal those at the offset in the
//! previous frame. The rectangle of moved blocks that explains most changes is then grown pixel by pixel.

use super::Offset;
use crate::framebuffer::Framebuffer;
use crate::tiles::TileChange;
use oriel_wire::Rect;

/// Width of a block in pixels.
const WIDTH: u32 = 16;
/// Height of a block in pixels.
const HEIGHT: u32 = 8;

/// Bytes of a block's row.
const SPAN: usize = WIDTH as usize * 4;

/// Smallest number of changed blocks that a copy must explain.
pub const MIN_BLOCKS: u32 = 16;

/// Area of the screen in blocks; the buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub struct BlockMatcher {
    area: Rect,
    columns: usize,
    /// Flag for each block, row by row: changed and not explained by a copy.
    changed: Vec<bool>,
    /// Flag for each block: moved by the offset tried last.
    moved: Vec<bool>,
    /// Summed-area table of changed and moved blocks, one row and one column larger than the blocks.
    sums: Vec<u32>,
}

/// Rectangle in blocks; `right` and `bottom` are one past the last.
#[derive(Debug, Clone, Copy)]
struct Block {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl BlockMatcher {
    /// Begins the search in `area`, with the blocks that `changes` touch as changed.
    pub fn begin(&mut self, area: Rect, changes: &[TileChange]) {
        self.area = area;
        self.columns = area.width.div_ceil(WIDTH) as usize;
        self.changed.clear();
        self.changed.resize(self.columns * area.height.div_ceil(HEIGHT) as usize, false);
        for rect in changes.iter().map(|change| change.rect.intersection(&area)) {
            let columns = (rect.x - area.x) / WIDTH..(rect.right() - area.x).div_ceil(WIDTH);
            for row in (rect.y - area.y) / HEIGHT..(rect.bottom() - area.y).div_ceil(HEIGHT) {
                let start = row as usize * self.columns;
                let blocks = start + columns.start as usize..start + columns.end as usize;
                self.changed.get_mut(blocks).unwrap_or_default().fill(true);
            }
        }
    }

    /// Clears the flag of blocks whose pixels did not change in fact.
    pub fn refine_changed(&mut self, previous: &Framebuffer, current: &Framebuffer) {
        let mut same = std::mem::take(&mut self.moved);
        self.compare(previous, current, self.area, (0, 0), &mut same);
        self.changed.iter_mut().zip(&same).for_each(|(changed, same)| *changed &= !same);
        self.moved = same;
    }

    /// Returns the number of changed blocks that no copy explains.
    pub fn unexplained(&self) -> u32 {
        self.changed.iter().filter(|changed| **changed).count() as u32
    }

    /// Finds the blocks that moved by `offset`; returns false when the offset leads out of the area.
    pub fn try_offset(&mut self, previous: &Framebuffer, current: &Framebuffer, offset: Offset) -> bool {
        let Some(reach) = reach(self.area, offset) else { return false };
        let mut blocks = std::mem::take(&mut self.moved);
        self.compare(previous, current, reach, offset, &mut blocks);
        self.moved = blocks;
        true
    }

    /// Sets the flag of each block that lies within `reach` and equals the previous frame at `offset`.
    fn compare(
        &self,
        previous: &Framebuffer,
        current: &Framebuffer,
        reach: Rect,
        (right, down): Offset,
        blocks: &mut Vec<bool>,
    ) {
        blocks.clear();
        blocks.resize(self.columns * self.area.height.div_ceil(HEIGHT) as usize, true);
        // Blocks of a row that lie within `reach`; all others have not moved.
        let first = (reach.x - self.area.x).div_ceil(WIDTH) as usize;
        let beyond = if reach.right() == self.area.right() {
            self.columns
        } else {
            ((reach.right() - self.area.x) / WIDTH) as usize
        };
        let x = self.area.x + first as u32 * WIDTH;
        let width = (self.area.x + beyond as u32 * WIDTH).min(self.area.right()).saturating_sub(x);
        for (y, row) in (self.area.y..).step_by(HEIGHT as usize).zip(blocks.chunks_mut(self.columns.max(1))) {
            let bottom = (y + HEIGHT).min(self.area.bottom());
            if y < reach.y || bottom > reach.bottom() || first >= beyond {
                row.fill(false);
                continue;
            }
            row.get_mut(..first).unwrap_or_default().fill(false);
            row.get_mut(beyond..).unwrap_or_default().fill(false);
            let row = row.get_mut(first..beyond).unwrap_or_default();
            for y in y..bottom {
                let here = current.row(x, y, width);
                let there = previous.row(x.wrapping_add_signed(-right), y.wrapping_add_signed(-down), width);
                if here == there {
                    continue;
                }
                let ((here, here_end), (there, there_end)) = (here.as_chunks::<SPAN>(), there.as_chunks());
                for (same, (here, there)) in row.iter_mut().zip(here.iter().zip(there)) {
                    *same &= here == there;
                }
                if let Some(same) = row.get_mut(here.len()) {
                    *same &= here_end == there_end;
                }
            }
        }
    }

    /// Takes the rectangle of moved blocks that explains the most changes, and marks those as explained;
    /// `None` when none explains enough.
    pub fn take(&mut self, previous: &Framebuffer, current: &Framebuffer, offset: Offset) -> Option<Rect> {
        self.sum_up();
        let best = self.best()?;
        let block = self.trimmed(best);
        for row in block.top..block.bottom {
            let start = row * self.columns;
            self.changed.get_mut(start + block.left..start + block.right)?.fill(false);
        }
        let x = self.area.x + block.left as u32 * WIDTH;
        let y = self.area.y + block.top as u32 * HEIGHT;
        let right = (self.area.x + block.right as u32 * WIDTH).min(self.area.right());
        let bottom = (self.area.y + block.bottom as u32 * HEIGHT).min(self.area.bottom());
        Some(grow(
            previous,
            current,
            Rect::new(x, y, right - x, bottom - y),
            reach(self.area, offset)?,
            offset,
        ))
    }

    /// Computes the summed-area table of blocks that are changed and moved.
    fn sum_up(&mut self) {
        let width = self.columns + 1;
        self.sums.clear();
        self.sums.resize(width, 0);
        let blocks = self.changed.chunks(self.columns.max(1)).zip(self.moved.chunks(self.columns.max(1)));
        for (row, (changed, moved)) in blocks.enumerate() {
            let mut sum = 0;
            self.sums.push(0);
            for (column, (changed, moved)) in changed.iter().zip(moved).enumerate() {
                sum += u32::from(*changed && *moved);
                let above = self.sums.get(row * width + column + 1).copied().unwrap_or_default();
                self.sums.push(above + sum);
            }
        }
    }

    /// Returns the number of changed and moved blocks within a rectangle.
    fn explained(&self, block: Block) -> u32 {
        let at = |column: usize, row: usize| {
            self.sums.get(row * (self.columns + 1) + column).copied().unwrap_or_default()
        };
        (at(block.right, block.bottom) + at(block.left, block.top))
            .saturating_sub(at(block.left, block.bottom) + at(block.right, block.top))
    }

    /// Finds the rectangle of moved blocks that explains the most. Row by row, the candidates that end there
    /// are the rectangles under the histogram of moved blocks above.
    fn best(&self) -> Option<Block> {
        let mut best: Option<(u32, Block)> = None;
        let mut heights = vec![0usize; self.columns];
        let mut open: Vec<(usize, usize)> = Vec::with_capacity(self.columns + 1);
        for (row, moved) in self.moved.chunks(self.columns.max(1)).enumerate() {
            for (height, moved) in heights.iter_mut().zip(moved) {
                *height = if *moved { *height + 1 } else { 0 };
            }
            for (column, height) in heights.iter().copied().chain([0]).enumerate() {
                let mut start = column;
                while let Some((left, tall)) = open.pop_if(|(_, tall)| *tall > height) {
                    start = left;
                    let block = Block { left, right: column, top: row + 1 - tall, bottom: row + 1 };
                    let explained = self.explained(block);
                    if explained >= best.map_or(MIN_BLOCKS, |(most, _)| most + 1) {
                        best = Some((explained, block));
                    }
                }
                if height > 0 && open.last().is_none_or(|(_, tall)| *tall < height) {
                    open.push((start, height));
                }
            }
        }
        best.map(|(_, block)| block)
    }

    /// Removes outer rows and columns that explain nothing.
    fn trimmed(&self, mut block: Block) -> Block {
        let all = self.explained(block);
        while self.explained(Block { top: block.top + 1, ..block }) == all {
            block.top += 1;
        }
        while self.explained(Block { bottom: block.bottom - 1, ..block }) == all {
            block.bottom -= 1;
        }
        while self.explained(Block { left: block.left + 1, ..block }) == all {
            block.left += 1;
        }
        while self.explained(Block { right: block.right - 1, ..block }) == all {
            block.right -= 1;
        }
        block
    }
}

/// Returns the part of `area` whose pixels come from within it; `None` if empty.
fn reach(area: Rect, (right, down): Offset) -> Option<Rect> {
    let reach = Rect {
        x: area.x + right.max(0).unsigned_abs(),
        y: area.y + down.max(0).unsigned_abs(),
        width: area.width.checked_sub(right.unsigned_abs())?,
        height: area.height.checked_sub(down.unsigned_abs())?,
    };
    (!reach.is_empty()).then_some(reach)
}

/// Extends `rect` by the rows and columns around it that moved as well, by less than a block on each side.
fn grow(
    previous: &Framebuffer,
    current: &Framebuffer,
    mut rect: Rect,
    reach: Rect,
    (right, down): Offset,
) -> Rect {
    let (mut more_left, mut more_right) =
        ((rect.x - reach.x).min(WIDTH - 1), (reach.right() - rect.right()).min(WIDTH - 1));
    for y in rect.y..rect.bottom() {
        if more_left == 0 && more_right == 0 {
            break;
        }
        let rows = |x: u32, width: u32| {
            let from = (x.wrapping_add_signed(-right), y.wrapping_add_signed(-down));
            let (here, there) = (current.row(x, y, width), previous.row(from.0, from.1, width));
            here.as_chunks::<4>().0.iter().zip(there.as_chunks::<4>().0)
        };
        let same = |(here, there): &(&[u8; 4], &[u8; 4])| here == there;
        more_left = rows(rect.x - more_left, more_left).rev().take_while(same).count() as u32;
        more_right = rows(rect.right(), more_right).take_while(same).count() as u32;
    }
    rect.x -= more_left;
    rect.width += more_left + more_right;
    let moved = |y: u32| {
        let from = (rect.x.wrapping_add_signed(-right), y.wrapping_add_signed(-down));
        current.row(rect.x, y, rect.width) == previous.row(from.0, from.1, rect.width)
    };
    let more_up = (reach.y..rect.y).rev().take(HEIGHT as usize - 1).take_while(|y| moved(*y)).count() as u32;
    let below = rect.bottom()..reach.bottom();
    let more_down = below.take(HEIGHT as usize - 1).take_while(|y| moved(*y)).count() as u32;
    Rect { y: rect.y - more_up, height: rect.height + more_up + more_down, ..rect }
}
