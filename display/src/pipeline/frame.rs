//! A frame while it goes through the stages, and what comes out: the updates of all stages in order.

use super::frame_budget::FrameBudget;
use super::tile_history::TileHistory;
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::{Rect, Size, Update};
use std::time::Instant;

/// Updates that bring a client's picture up to date, without the header of the wire protocol.
#[derive(Debug, Default)]
pub struct Composed {
    /// Size of the screen in pixels.
    pub size: Size,
    /// Whether the client has to forget all pixels of earlier frames.
    pub whole: bool,
    /// Whether the client's picture equals the guest's to the last bit once the updates are applied.
    pub exact: bool,
    /// Copies, video and lossless updates in the order in which the client applies them.
    pub updates: Vec<Update>,
    /// Number of tiles, or parts of tiles, in lossless updates.
    pub exact_tiles: usize,
    /// Number of tiles in video updates.
    pub video_tiles: usize,
    /// Whether any update shows pixels that were read for this frame; otherwise the frame only refines.
    pub changed: bool,
}

/// A rectangle to send lossless, and the tiles that it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Pixels to send.
    pub rect: Rect,
    /// Indices of the touched tiles in the [`Grid`], ascending.
    pub tiles: Vec<usize>,
}

impl Region {
    /// Number of pixels in the region.
    pub fn area(&self) -> u32 {
        self.rect.width * self.rect.height
    }
}

/// What every stage after the scan works on.
pub struct FrameContext<'a> {
    /// Pixels of this frame.
    pub framebuffer: &'a Framebuffer,
    /// What of the client's picture is not exact, and how often tiles change.
    pub history: &'a mut TileHistory,
    /// Bytes that the frame may have.
    pub budget: &'a mut FrameBudget,
    /// The frame so far.
    pub composed: &'a mut Composed,
    /// Place in pixels near which changes are sent first.
    pub pointer: (u32, u32),
    /// Moment at which the frame was begun.
    pub now: Instant,
}

impl FrameContext<'_> {
    /// Notes that a lossless update shows the region.
    pub fn sent_lossless(&mut self, region: &Region) {
        self.composed.exact_tiles += region.tiles.len();
        region.tiles.iter().for_each(|tile| self.history.sent_exact(*tile, region.rect));
    }

    /// Leaves the region to a later frame, as soon as there is room.
    pub fn postpone(&mut self, region: &Region) {
        let grid = Grid::new(self.framebuffer.size());
        for tile in &region.tiles {
            self.history.postponed(*tile, region.rect.intersection(&grid.rect(*tile)), self.now);
        }
    }
}
