//! Classification stage: divides changed tiles into those in motion, for video, and regions at rest, for
//! lossless updates, the most urgent first.

use super::frame::{FrameContext, Region};
use super::frame_budget::urgency;
use crate::framebuffer::Framebuffer;
use crate::tiles::TileChange;
use oriel_wire::{Rect, TILE};

/// Largest area in pixels of joined neighbouring changes: a tile.
const MAX_JOINED_AREA: u32 = TILE * TILE;

/// Use of video for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoMode {
    /// No video: the client cannot decode H.264.
    Off,
    /// Video for tiles in motion.
    Motion,
    /// Video for every changed tile.
    Always,
}

/// Output of the classification.
#[derive(Debug)]
pub struct Classified {
    /// Indices of the tiles in motion, ascending.
    pub motion: Vec<usize>,
    /// Regions to send lossless, in order of sending.
    pub still: Vec<Region>,
}

/// Divides the changes of a frame into motion and regions at rest. `exposed` changes came into view beside a
/// copy and are never motion. `flushes` is the number of flushes since the last frame.
pub fn classify(
    mut changes: Vec<TileChange>,
    exposed: Vec<TileChange>,
    mode: VideoMode,
    flushes: u32,
    frame: &mut FrameContext<'_>,
) -> Classified {
    let framebuffer = frame.framebuffer;
    let motion = match mode {
        VideoMode::Off => Vec::new(),
        VideoMode::Motion => frame
            .history
            .take_motion(&mut changes, flushes, frame.now, |rect| has_single_colour(framebuffer, rect)),
        VideoMode::Always => changes.drain(..).map(|change| change.tile).collect(),
    };
    changes.extend(exposed);
    changes.sort_unstable_by_key(|change| change.tile);
    let mut still = join(changes);
    if frame.budget.is_tight_for(still.iter().map(|region| u64::from(region.area())).sum()) {
        still.sort_by_key(|region| urgency(region.rect, frame.pointer));
    }
    Classified { motion, still }
}

/// Joins changes of neighbouring tiles in a row that have the same height, as in a line of text: one
/// rectangle costs less than two.
fn join(changes: Vec<TileChange>) -> Vec<Region> {
    let mut joined: Vec<Region> = Vec::with_capacity(changes.len());
    for TileChange { tile, rect } in changes {
        if let Some(last) = joined.last_mut()
            && last.rect.right() == rect.x
            && (last.rect.y, last.rect.height) == (rect.y, rect.height)
            && last.rect.width + rect.width <= 4 * TILE
            && (last.rect.width + rect.width) * rect.height <= MAX_JOINED_AREA
        {
            last.rect.width += rect.width;
            last.tiles.push(tile);
            continue;
        }
        joined.push(Region { rect, tiles: vec![tile] });
    }
    joined
}

/// Reports whether all pixels of a rectangle are equal.
fn has_single_colour(framebuffer: &Framebuffer, rect: Rect) -> bool {
    let first = framebuffer.row(rect.x, rect.y, 1);
    framebuffer.rows(rect).all(|row| row.chunks_exact(4).all(|pixel| pixel == first))
}
