//! Decoder of lossless tiles, the client's side of [`super::encode`].

use super::{MODE_PALETTE, MODE_SOLID, MODE_TRUE_COLOUR, TILE_HEADER, index_bits};
use oriel_wire::{MAX_SERVER_MESSAGE, Rect};

/// Pixel as red, green and blue.
pub type Rgb = [u8; 3];

/// Error of decoding a batch of lossless tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LosslessError {
    /// The batch does not decompress to the announced length, or the length is too large.
    #[error("a lossless update that zstd cannot decompress")]
    Zstd,
    /// The batch ends within a tile.
    #[error("a lossless update that ends within a tile")]
    Short,
    /// A tile has an unknown mode or an index beyond its palette.
    #[error("a lossless update with an impossible tile")]
    Impossible,
}

/// Decompresses a batch of tiles.
///
/// # Errors
/// When the data does not decompress to exactly `raw_length` bytes, or that exceeds [`MAX_SERVER_MESSAGE`].
pub fn unpack(raw_length: u32, zstd: &[u8]) -> Result<Vec<u8>, LosslessError> {
    let length = usize::try_from(raw_length).map_err(|_| LosslessError::Zstd)?;
    if length > MAX_SERVER_MESSAGE {
        return Err(LosslessError::Zstd);
    }
    let mut raw = Vec::with_capacity(length);
    match zstd_safe::decompress(&mut raw, zstd) {
        Ok(got) if got == length => Ok(raw),
        _ => Err(LosslessError::Zstd),
    }
}

/// Decodes a decompressed batch; calls `paint` with each tile's rectangle and pixels, row by row. The caller
/// checks that the rectangle is on the screen.
///
/// # Errors
/// When a tile is malformed; the tiles before it have been painted.
pub fn decode(mut raw: &[u8], mut paint: impl FnMut(Rect, &[Rgb])) -> Result<(), LosslessError> {
    let mut pixels: Vec<Rgb> = Vec::new();
    while !raw.is_empty() {
        let header: &[u8; TILE_HEADER] =
            take(&mut raw, TILE_HEADER)?.try_into().map_err(|_| LosslessError::Short)?;
        let [x0, x1, y0, y1, width, height, mode, n] = *header;
        let (width, height) = (usize::from(width) + 1, usize::from(height) + 1);
        let rect = Rect::new(
            u16::from_le_bytes([x0, x1]).into(),
            u16::from_le_bytes([y0, y1]).into(),
            width as u32,
            height as u32,
        );
        pixels.clear();
        match mode {
            MODE_SOLID => {
                let colour = take(&mut raw, 3)?.try_into().map_err(|_| LosslessError::Short)?;
                pixels.resize(width * height, colour);
            }
            MODE_PALETTE if n > 0 => {
                let colours = usize::from(n) + 1;
                let (palette, _) = take(&mut raw, colours * 3)?.as_chunks::<3>();
                let bits = index_bits(colours);
                let row = (width * bits).div_ceil(8);
                for row in take(&mut raw, row * height)?.chunks(row) {
                    for index in unpacked(row, bits).take(width) {
                        pixels.push(*palette.get(index).ok_or(LosslessError::Impossible)?);
                    }
                }
            }
            MODE_TRUE_COLOUR => {
                pixels.resize(width * height, [0; 3]);
                for channel in 0..3 {
                    let plane = take(&mut raw, width * height)?;
                    integrate(plane, width, channel, &mut pixels);
                }
            }
            _ => return Err(LosslessError::Impossible),
        }
        paint(rect, &pixels);
    }
    Ok(())
}

/// Removes the first `n` bytes of `raw` and returns them.
fn take<'a>(raw: &mut &'a [u8], n: usize) -> Result<&'a [u8], LosslessError> {
    let (taken, rest) = raw.split_at_checked(n).ok_or(LosslessError::Short)?;
    *raw = rest;
    Ok(taken)
}

/// Lists the indices of `bits` bits each in a row, most significant first.
fn unpacked(row: &[u8], bits: usize) -> impl Iterator<Item = usize> {
    let mask = (1usize << bits) - 1;
    row.iter().flat_map(move |byte| {
        (1..=8 / bits).map(move |place| usize::from(*byte) >> (8 - place * bits) & mask)
    })
}

/// Restores one plane from differences: to the left neighbour, at the left edge to the pixel above.
fn integrate(plane: &[u8], width: usize, channel: usize, pixels: &mut [Rgb]) {
    let mut above = 0u8;
    for (differences, pixels) in plane.chunks(width).zip(pixels.chunks_mut(width)) {
        let mut left = above;
        for (place, (difference, pixel)) in differences.iter().zip(pixels).enumerate() {
            left = left.wrapping_add(*difference);
            if place == 0 {
                above = left;
            }
            if let Some(value) = pixel.get_mut(channel) {
                *value = left;
            }
        }
    }
}
