//! Encoder of lossless tiles: gathers tiles of the framebuffer into a batch and compresses it into one
//! update.

use super::palette::Palette;
use super::{MAX_SIDE, MODE_PALETTE, MODE_SOLID, MODE_TRUE_COLOUR, index_bits};
use crate::framebuffer::Framebuffer;
use oriel_wire::fields::coordinate;
use oriel_wire::{Rect, Update};
use zstd_safe::{CCtx, CParameter, compress_bound, get_error_name};

/// Kind of a tile by its number of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileContent {
    /// One colour.
    Solid,
    /// Palette of 2 to 256 colours.
    Palette,
    /// True colour, more than 256 colours: photographs, gradients, video.
    TrueColour,
}

/// Error of zstd, such as a lack of memory, with zstd's description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("zstd failed: {0}")]
pub struct CompressError(&'static str);

/// Encoder of batches of lossless tiles; the zstd context and buffers are kept from batch to batch.
pub struct LosslessEncoder {
    zstd: CCtx<'static>,
    palette: Palette,
    /// Batch before compression.
    raw: Vec<u8>,
}

impl LosslessEncoder {
    /// Creates an encoder with an empty batch.
    ///
    /// # Errors
    /// When zstd's context cannot be allocated.
    pub fn new() -> Result<Self, CompressError> {
        let mut zstd = CCtx::try_create().ok_or(CompressError("no memory"))?;
        zstd.set_parameter(CParameter::CompressionLevel(1))
            .map_err(|code| CompressError(get_error_name(code)))?;
        Ok(Self { zstd, palette: Palette::new(), raw: Vec::new() })
    }

    /// Returns the size of the batch before compression in bytes.
    pub fn raw_len(&self) -> usize {
        self.raw.len()
    }

    /// Adds `rect` of `framebuffer` to the batch, unless it is [`TileContent::TrueColour`], which the caller
    /// sends by [`Self::push_true_colour`] or as video.
    pub fn push(&mut self, framebuffer: &Framebuffer, rect: Rect) -> TileContent {
        if !self.is_flat(framebuffer, rect) {
            return TileContent::TrueColour;
        }
        let colours = self.palette.colours().len();
        let solid = colours <= 1;
        let (mode, n) = if solid { (MODE_SOLID, 0) } else { (MODE_PALETTE, (colours - 1) as u8) };
        put_header(&mut self.raw, rect, mode, n);
        for colour in self.palette.colours() {
            let [_, red, green, blue] = colour.to_be_bytes();
            self.raw.extend_from_slice(&[red, green, blue]);
        }
        if solid {
            return TileContent::Solid;
        }
        pack(self.palette.pixels(), rect.width as usize, index_bits(colours), &mut self.raw);
        TileContent::Palette
    }

    /// Reports whether `rect` of `framebuffer` has at most 256 colours and fits one tile on the wire.
    pub fn is_flat(&mut self, framebuffer: &Framebuffer, rect: Rect) -> bool {
        rect.width <= MAX_SIDE && rect.height <= MAX_SIDE && self.palette.read(framebuffer.rows(rect))
    }

    /// Adds `rect` of `framebuffer` as true colour, divided into tiles of at most 256 by 256 pixels.
    pub fn push_true_colour(&mut self, framebuffer: &Framebuffer, rect: Rect) {
        for y in (rect.y..rect.bottom()).step_by(MAX_SIDE as usize) {
            for x in (rect.x..rect.right()).step_by(MAX_SIDE as usize) {
                let part = Rect::new(x, y, MAX_SIDE, MAX_SIDE).intersection(&rect);
                put_header(&mut self.raw, part, MODE_TRUE_COLOUR, 0);
                for channel in [2, 1, 0] {
                    put_plane(framebuffer, part, channel, &mut self.raw);
                }
            }
        }
    }

    /// Compresses the batch into an update and begins an empty one; `None` when the batch was empty.
    ///
    /// # Errors
    /// When zstd fails; the batch is lost.
    pub fn finish(&mut self) -> Result<Option<Update>, CompressError> {
        if self.raw.is_empty() {
            return Ok(None);
        }
        let mut zstd = Vec::with_capacity(compress_bound(self.raw.len()));
        let outcome = self.zstd.compress2(&mut zstd, &self.raw);
        let raw_length = u32::try_from(self.raw.len()).map_err(|_| CompressError("a batch over 4 GiB"));
        self.raw.clear();
        outcome.map_err(|code| CompressError(get_error_name(code)))?;
        zstd.shrink_to_fit();
        Ok(Some(Update::Exact { raw_length: raw_length?, zstd }))
    }
}

/// Appends a tile's header to the batch.
fn put_header(raw: &mut Vec<u8>, rect: Rect, mode: u8, n: u8) {
    raw.extend_from_slice(&coordinate(rect.x).to_le_bytes());
    raw.extend_from_slice(&coordinate(rect.y).to_le_bytes());
    raw.extend_from_slice(&[(rect.width - 1) as u8, (rect.height - 1) as u8, mode, n]);
}

/// Appends indices of `bits` bits each, most significant first, rows padded to whole bytes.
fn pack(indices: &[u8], width: usize, bits: usize, raw: &mut Vec<u8>) {
    if bits == 8 {
        raw.extend_from_slice(indices);
        return;
    }
    let per_byte = 8 / bits;
    for row in indices.chunks(width) {
        raw.extend(row.chunks(per_byte).map(|group| {
            let packed = group.iter().fold(0u8, |packed, index| packed << bits | index);
            packed << ((per_byte - group.len()) * bits)
        }));
    }
}

/// Appends one channel of `rect`, each byte as the difference to its left neighbour, at the left edge to the
/// pixel above.
fn put_plane(framebuffer: &Framebuffer, rect: Rect, channel: usize, raw: &mut Vec<u8>) {
    let mut at = raw.len();
    raw.resize(at + rect.width as usize * rect.height as usize, 0);
    let mut above = 0;
    for row in framebuffer.rows(rect) {
        let Some(out) = raw.get_mut(at..at + rect.width as usize) else { return };
        at += out.len();
        let mut left = above;
        for (out, pixel) in out.iter_mut().zip(row.chunks_exact(4)) {
            let value = pixel.get(channel).copied().unwrap_or_default();
            *out = value.wrapping_sub(left);
            left = value;
        }
        above = row.get(channel).copied().unwrap_or_default();
    }
}
