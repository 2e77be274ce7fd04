//! Hashes of a picture's tiles, by which client and server find whether and where two pictures differ.
//!
//! Client and server both compute hashes, so that the algorithm is part of `docs/protocol.md`. This module has the
//! encoding only.

use crate::Malformed;
use crate::fields::{Fields, coordinate};
use crate::geometry::Size;

/// Side of a tile in pixels; tiles at the right and bottom edge may be smaller.
pub const TILE: u32 = 64;

/// Hashes of all tiles of a picture, row by row, with the picture's size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileHashes {
    size: Size,
    tiles: Vec<u64>,
}

impl TileHashes {
    /// Hashes of a picture of `size`; `None` unless `tiles` has one hash for each tile of the picture.
    pub fn new(size: Size, tiles: Vec<u64>) -> Option<Self> {
        (tiles.len() == count(size)).then_some(Self { size, tiles })
    }

    /// Size of the hashed picture in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Hashes of the tiles, row by row.
    pub fn tiles(&self) -> &[u64] {
        &self.tiles
    }

    /// Appends the picture's width and height as `u16`, then each hash as `u64`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for side in [self.size.width, self.size.height] {
            out.extend_from_slice(&coordinate(side).to_le_bytes());
        }
        self.tiles.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
    }

    /// Reads size and hashes to the end of the message.
    pub(crate) fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let size = Size::new(fields.u16()?.into(), fields.u16()?.into());
        let (tiles, rest) = fields.rest().as_chunks::<8>();
        if !rest.is_empty() || tiles.len() != count(size) {
            return Err(fields.impossible("number of hashes"));
        }
        Ok(Self { size, tiles: tiles.iter().map(|hash| u64::from_le_bytes(*hash)).collect() })
    }
}

/// Number of tiles that cover a picture of `size`.
fn count(size: Size) -> usize {
    size.width.div_ceil(TILE) as usize * size.height.div_ceil(TILE) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_the_trip_and_a_wrong_number_of_them_does_not() {
        let size = Size::new(131, 66);
        let hashes = TileHashes::new(size, vec![1, 2, 3, u64::MAX, 5, 6]).unwrap();
        let mut bytes = Vec::new();
        hashes.encode(&mut bytes);
        assert_eq!(bytes.len(), 4 + 6 * 8);
        assert_eq!(TileHashes::decode(&mut Fields::new("ResumeHashes", &bytes)), Ok(hashes));
        for end in 0..bytes.len() {
            let cut = TileHashes::decode(&mut Fields::new("ResumeHashes", &bytes[..end]));
            assert!(cut.is_err(), "cut at {end}");
        }
        bytes.extend_from_slice(&[0; 8]);
        assert!(TileHashes::decode(&mut Fields::new("ResumeHashes", &bytes)).is_err());
        assert_eq!(TileHashes::new(size, vec![0; 5]), None);
    }
}
