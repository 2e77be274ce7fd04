//! Previous frame for copy detection: the pixels before the newest scan, kept only where the scan changed
//! them.

use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::{Rect, Size, TILE};

/// Pixels of the previous frame, gathered while a scan overwrites them; the cost is that of the changes, not
/// of the screen.
#[derive(Debug, Default)]
pub struct PreviousFrame {
    framebuffer: Framebuffer,
    grid: Grid,
    /// Bit set for each tile, with a bit for each of its rows whose old pixels are kept.
    kept: Vec<u64>,
}

impl PreviousFrame {
    /// Begins a new scan of a screen of this size; nothing is kept yet.
    pub fn begin(&mut self, size: Size) {
        if self.framebuffer.size() != size {
            self.framebuffer = Framebuffer::new(size);
            self.grid = Grid::new(size);
        }
        self.kept.clear();
        self.kept.resize(self.grid.len(), 0);
    }

    /// Keeps the pixels of one row of a tile, which begins at (`x`, `y`), before they are overwritten.
    pub fn keep(&mut self, x: u32, y: u32, old: &[u8]) {
        let tile = self.grid.index(x / TILE, y / TILE);
        if let Some(rows) = self.kept.get_mut(tile) {
            *rows |= 1 << (y % TILE);
            self.framebuffer.row_mut(x, y, (old.len() / 4) as u32).copy_from_slice(old);
        }
    }

    /// Copies unchanged pixels of `area` from `current` and returns the previous frame, complete within
    /// `area` and undefined elsewhere.
    pub fn fill(&mut self, area: Rect, current: &Framebuffer) -> &Framebuffer {
        for tile in self.grid.touched(&area) {
            let rect = self.grid.rect(tile);
            let Some(kept) = self.kept.get_mut(tile) else { continue };
            for y in (rect.y..rect.bottom()).filter(|y| *kept & 1 << (y % TILE) == 0) {
                let same = current.row(rect.x, y, rect.width);
                self.framebuffer.row_mut(rect.x, y, rect.width).copy_from_slice(same);
            }
            *kept = u64::MAX;
        }
        &self.framebuffer
    }
}
