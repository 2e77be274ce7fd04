//! Classification stage: which changed tiles are in motion and go as video, and which regions stand
//! still and go lossless, the most urgent first.

use super::frame::{FrameContext, Region};
use super::frame_budget::urgency;
use crate::framebuffer::Framebuffer;
use crate::tiles::TileChange;
use oriel_wire::{Rect, TILE};

/// Neighbouring changes are joined up to this area: about a tile.
const MAX_JOINED_AREA: u32 = TILE * TILE;

/// What a client takes as video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoMode {
    /// Nothing: the client cannot decode H.264.
    Off,
    /// Tiles in motion.
    Motion,
    /// Every changed tile.
    Always,
}

/// Output of the classification.
#[derive(Debug)]
pub struct Classified {
    /// Indices of the tiles in motion, ascending.
    pub motion: Vec<usize>,
    /// Regions to send lossless, in the order in which they are to go.
    pub still: Vec<Region>,
}

/// Divides the changes of a frame into motion and still regions. `exposed` are changes that came into
/// view beside a copy: new once, so never motion. `flushes` is the number of flushes since the frame before.
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

/// Joins changes of neighbouring tiles in a row that have the same height, as a line of text has:
/// one small rectangle is cheaper than two.
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

fn has_single_colour(framebuffer: &Framebuffer, rect: Rect) -> bool {
    let first = framebuffer.row(rect.x, rect.y, 1);
    framebuffer.rows(rect).all(|row| row.chunks_exact(4).all(|pixel| pixel == first))
}
