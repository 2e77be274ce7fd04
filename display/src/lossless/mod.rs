//! Codec of lossless tiles as `docs/protocol.md` defines it (update kind 2): solid, palette and true-colour tiles,
//! a batch of which zstd (RFC 8878) compresses at level 1.
//!
//! Alternatives measured on the batches of the bench scenes (first pages, typing, scrolling, dragging, films
//! that stopped) were not worth their time. For true colour: the predictors of PNG and JPEG-LS, up, the
//! average, and differences of colours before them (98 to 111 percent of the bytes). For palettes: indices of
//! a byte each, differences to the row above, sorted colours (99 to 112 percent). zstd at level 3 saves 7
//! percent on pages of text and adds to photographs, for up to four times the time. At level -1 it saves 10
//! to 40 percent of its time, and photographs are twice as large.

pub mod decode;
pub mod encode;
mod palette;

pub use decode::{LosslessError, decode, unpack};
pub use encode::{LosslessEncoder, TileContent};

/// Size in bytes of a tile's header: x and y (`u16`), width and height less one, mode, number of colours less
/// one (`u8`).
const TILE_HEADER: usize = 8;

/// Largest side of a tile on the wire in pixels.
const MAX_SIDE: u32 = 256;

/// Mode of a tile of one colour: 3 bytes.
const MODE_SOLID: u8 = 0;
/// Mode of a tile of 2 to 256 colours: the palette, then indices row by row.
const MODE_PALETTE: u8 = 1;
/// Mode of a tile of more colours: red, green and blue planes of differences.
const MODE_TRUE_COLOUR: u8 = 2;

/// Returns the bits of an index into a palette of `colours` colours: 1, 2, 4 or 8.
fn index_bits(colours: usize) -> usize {
    match colours {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framebuffer::Framebuffer;
    use oriel_wire::{Rect, Size, Update};

    /// Creates a picture whose pixel at (x, y) is `colour(x, y)` as 0xRRGGBB.
    fn painted(size: Size, colour: impl Fn(u32, u32) -> u32) -> Framebuffer {
        let mut framebuffer = Framebuffer::new(size);
        for y in 0..size.height {
            for (x, pixel) in (0..).zip(framebuffer.row_mut(0, y, size.width).chunks_exact_mut(4)) {
                pixel.copy_from_slice(&(colour(x, y) | 0xAA00_0000).to_le_bytes());
            }
        }
        framebuffer
    }

    /// Encodes `rect` of the picture and checks that the decoder gives the same pixels.
    fn round_trip(framebuffer: &Framebuffer, rect: Rect) -> (TileContent, usize) {
        let mut encoder = LosslessEncoder::new().unwrap();
        let content = encoder.push(framebuffer, rect);
        if content == TileContent::TrueColour {
            encoder.push_true_colour(framebuffer, rect);
        }
        let Some(Update::Exact { raw_length, zstd }) = encoder.finish().unwrap() else {
            panic!("nothing was encoded");
        };
        let raw = unpack(raw_length, &zstd).unwrap();
        let mut painted = 0;
        decode(&raw, |tile, pixels| {
            painted += pixels.len();
            for (row, pixels) in (tile.y..).zip(pixels.chunks(tile.width as usize)) {
                let want = framebuffer.row(tile.x, row, tile.width).chunks_exact(4);
                assert!(want.map(|p| [p[2], p[1], p[0]]).eq(pixels.iter().copied()), "row {row} of {tile:?}");
            }
        })
        .unwrap();
        assert_eq!(painted, rect.width as usize * rect.height as usize);
        (content, raw.len())
    }

    #[test]
    fn solid_tiles_take_eleven_bytes() {
        let framebuffer = painted(Size::new(64, 64), |_, _| 0x12_34_56);
        assert_eq!(round_trip(&framebuffer, Rect::new(0, 0, 64, 64)), (TileContent::Solid, 11));
    }

    #[test]
    fn every_palette_size_survives() {
        for (colours, bits) in [(2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (255, 8), (256, 8)] {
            let framebuffer = painted(Size::new(61, 67), |x, y| (x + y * 61) % colours * 0x01_03_05);
            let (content, length) = round_trip(&framebuffer, Rect::new(0, 0, 61, 67));
            assert_eq!(content, TileContent::Palette);
            assert_eq!(length, 8 + 3 * colours as usize + 67 * (61 * bits as usize).div_ceil(8));
        }
    }

    #[test]
    fn more_colours_than_a_palette_holds_are_true_colour() {
        let framebuffer = painted(Size::new(64, 64), |x, y| (x + y * 64) % 257 * 0x01_03_05);
        assert_eq!(
            round_trip(&framebuffer, Rect::new(0, 0, 64, 64)),
            (TileContent::TrueColour, 8 + 3 * 64 * 64)
        );
    }

    #[test]
    fn parts_of_tiles_and_single_pixels_survive() {
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) & 0xff_ff_ff;
        let framebuffer = painted(Size::new(150, 90), noise);
        for rect in [
            Rect::new(149, 89, 1, 1),
            Rect::new(3, 5, 17, 1),
            Rect::new(70, 0, 1, 90),
            Rect::new(0, 0, 150, 90),
        ] {
            round_trip(&framebuffer, rect);
        }
    }

    #[test]
    fn an_encoder_is_empty_after_its_batch() {
        let framebuffer = painted(Size::new(8, 8), |_, _| 1);
        let mut encoder = LosslessEncoder::new().unwrap();
        encoder.push(&framebuffer, Rect::new(0, 0, 8, 8));
        assert!(encoder.finish().unwrap().is_some());
        assert!(encoder.finish().unwrap().is_none());
    }

    #[test]
    fn batches_that_lie_are_refused() {
        let bad: [&[u8]; 6] = [
            &[0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0, 1, 2],
            &[0, 0, 0, 0, 0, 0, 9, 0],
            &[0, 0, 0, 0, 1, 0, 1, 0, 1, 2, 3, 0],
            &[0, 0, 0, 0, 0, 0, 1, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0b1100_0000],
            &[0, 0, 0, 0, 9, 9, 2, 0, 1, 2, 3],
        ];
        for raw in bad {
            assert!(decode(raw, |_, _| {}).is_err(), "{raw:?}");
        }
        assert!(unpack(5, b"not zstd").is_err());
        assert!(unpack(u32::MAX, &[]).is_err());
    }
}
