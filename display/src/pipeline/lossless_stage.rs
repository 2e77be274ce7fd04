//! Lossless stage: gathers regions into one batch of exact pixels within the frame's budget, and refines
//! tiles that were sent as video once they rest.

use super::frame::{FrameContext, Region};
use crate::lossless::encode::CompressError;
use crate::lossless::{LosslessEncoder, TileContent};
use crate::tiles::Grid;
use oriel_wire::{Rect, Update};

/// Raw bytes of refinement in a frame without changes, bounded so that a new change waits little. With slices
/// of a quarter, a screen at rest becomes exact later than half a second after motion.
const REFINE_SLICE: usize = 1024 * 1024;

/// Raw bytes of refinement in a frame with changes.
const REFINE_SLICE_BESIDE_CHANGES: usize = 64 * 1024;

/// Lossless stage of one composer, with the encoder of the batch.
pub struct LosslessStage {
    encoder: LosslessEncoder,
}

impl LosslessStage {
    /// Creates a stage with an empty batch.
    ///
    /// # Errors
    /// When zstd's context cannot be allocated.
    pub fn new() -> Result<Self, CompressError> {
        Ok(Self { encoder: LosslessEncoder::new()? })
    }

    /// Adds regions of at most 256 colours to the batch and returns those with more. Regions without room are
    /// postponed.
    pub fn push_palette(&mut self, regions: Vec<Region>, frame: &mut FrameContext<'_>) -> Vec<Region> {
        let mut true_colour = Vec::new();
        for region in regions {
            let room = frame.budget.has_room();
            if !room && self.encoder.is_flat(frame.framebuffer, region.rect) {
                frame.postpone(&region);
            } else if !room || !self.push_if_palette(region.rect, frame) {
                true_colour.push(region);
            } else {
                frame.sent_lossless(&region);
            }
        }
        true_colour
    }

    /// Adds regions of more than 256 colours to the batch; those without room are postponed.
    pub fn push_true_colour(&mut self, regions: &[Region], frame: &mut FrameContext<'_>) {
        for region in regions {
            if frame.budget.has_room() {
                self.push_as_true_colour(region.rect, frame);
                frame.sent_lossless(region);
            } else {
                frame.postpone(region);
            }
        }
    }

    /// Adds tiles that the video stage rejected; unless `always`, those without room are postponed.
    pub fn push_rejected(&mut self, tiles: Vec<usize>, always: bool, frame: &mut FrameContext<'_>) {
        let grid = Grid::new(frame.framebuffer.size());
        for tile in tiles {
            let region = Region { rect: grid.rect(tile), tiles: vec![tile] };
            if always || frame.budget.has_room() {
                self.push(&region, frame);
            } else {
                frame.postpone(&region);
            }
        }
    }

    /// Adds inexact parts of tiles at rest, up to a slice, nearest to the pointer first.
    pub fn refine(&mut self, frame: &mut FrameContext<'_>) {
        let slice = if frame.composed.changed { REFINE_SLICE_BESIDE_CHANGES } else { REFINE_SLICE };
        let limit = self.encoder.raw_len() + slice;
        for (tile, rect) in frame.history.due(frame.pointer, frame.now) {
            if self.encoder.raw_len() >= limit || !frame.budget.has_room_beside() {
                break;
            }
            self.push(&Region { rect, tiles: vec![tile] }, frame);
        }
    }

    /// Compresses the batch into one update of the frame; an empty batch adds none.
    ///
    /// # Errors
    /// When zstd fails; the batch is lost.
    pub fn finish(&mut self, frame: &mut FrameContext<'_>) -> Result<(), CompressError> {
        let update = self.encoder.finish()?;
        frame.budget.compressed(update.as_ref().map_or(0, Update::len));
        frame.composed.updates.extend(update);
        Ok(())
    }

    /// Adds a region to the batch in the mode that fits its colours.
    fn push(&mut self, region: &Region, frame: &mut FrameContext<'_>) {
        if !self.push_if_palette(region.rect, frame) {
            self.push_as_true_colour(region.rect, frame);
        }
        frame.sent_lossless(region);
    }

    /// Adds a rectangle if it has at most 256 colours; returns whether it has.
    fn push_if_palette(&mut self, rect: Rect, frame: &mut FrameContext<'_>) -> bool {
        let before = self.encoder.raw_len();
        let palette = self.encoder.push(frame.framebuffer, rect) != TileContent::TrueColour;
        frame.budget.flat(self.encoder.raw_len() - before);
        palette
    }

    /// Adds a rectangle as true colour.
    fn push_as_true_colour(&mut self, rect: Rect, frame: &mut FrameContext<'_>) {
        let before = self.encoder.raw_len();
        self.encoder.push_true_colour(frame.framebuffer, rect);
        frame.budget.true_colour(self.encoder.raw_len() - before);
    }
}
