//! Frame in the pipeline: the context that the stages share, and the result with the updates of all stages.

use super::frame_budget::FrameBudget;
use super::tile_history::TileHistory;
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::{Rect, Size, Update};
use std::time::Instant;

/// Updates of one frame, without the header of the wire protocol.
#[derive(Debug, Default)]
pub struct Composed {
    /// Size of the screen in pixels.
    pub size: Size,
    /// True if the client has to discard all pixels of earlier frames.
    pub whole: bool,
    /// True if the client's picture equals the guest's pixel for pixel once the updates are applied.
    pub exact: bool,
    /// Updates (copies, video, lossless) in the order in which the client applies them.
    pub updates: Vec<Update>,
    /// Number of tiles, or parts of tiles, in lossless updates.
    pub exact_tiles: usize,
    /// Number of tiles in video updates.
    pub video_tiles: usize,
    /// True if an update shows pixels that were read for this frame; otherwise the frame only refines.
    pub changed: bool,
}

/// Rectangle to send lossless, with the tiles that it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Rectangle in pixels.
    pub rect: Rect,
    /// Indices of the touched tiles in the [`Grid`], ascending.
    pub tiles: Vec<usize>,
}

impl Region {
    /// Returns the number of pixels in the region.
    pub fn area(&self) -> u32 {
        self.rect.width * self.rect.height
    }
}

/// Context of one frame, on which every stage after the scan works.
pub struct FrameContext<'a> {
    /// Pixels of this frame.
    pub framebuffer: &'a Framebuffer,
    /// Record of the parts of the client's picture that are not exact, and of tiles in motion.
    pub history: &'a mut TileHistory,
    /// Bytes permitted for the frame, and those used.
    pub budget: &'a mut FrameBudget,
    /// Updates so far.
    pub composed: &'a mut Composed,
    /// Position in pixels near which changes are sent first.
    pub pointer: (u32, u32),
    /// Time at which the frame was begun.
    pub now: Instant,
}

impl FrameContext<'_> {
    /// Records that a lossless update shows the region.
    pub fn sent_lossless(&mut self, region: &Region) {
        self.composed.exact_tiles += region.tiles.len();
        region.tiles.iter().for_each(|tile| self.history.sent_exact(*tile, region.rect));
    }

    /// Postpones the region to a later frame with room for it.
    pub fn postpone(&mut self, region: &Region) {
        let grid = Grid::new(self.framebuffer.size());
        for tile in &region.tiles {
            self.history.postponed(*tile, region.rect.intersection(&grid.rect(*tile)), self.now);
        }
    }
}
