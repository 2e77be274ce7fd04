//! Hashes of a picture's tiles, by which two ends tell whether and where their pictures differ.
//!
//! Both ends compute them, so their definition is part of `docs/protocol.md`; here is only how they travel.

use crate::Malformed;
use crate::fields::{Fields, coordinate};
use crate::geometry::Size;

/// Side of a tile in pixels; tiles at the right and bottom edge may be smaller.
pub const TILE: u32 = 64;

/// Hashes of all tiles of one picture, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileHashes {
    size: Size,
    tiles: Vec<u64>,
}

impl TileHashes {
    /// Hashes of a picture of `size`, one for each tile, row by row; `None` when their number is another.
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

    /// Appends `u16 width, u16 height` and the hashes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for side in [self.size.width, self.size.height] {
            out.extend_from_slice(&coordinate(side).to_le_bytes());
        }
        self.tiles.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
    }

    /// Reads what [`Self::encode`] wrote, to the message's end.
    pub(crate) fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let size = Size::new(fields.u16()?.into(), fields.u16()?.into());
        let (tiles, rest) = fields.rest().as_chunks::<8>();
        if !rest.is_empty() || tiles.len() != count(size) {
            return Err(fields.impossible("number of hashes"));
        }
        Ok(Self { size, tiles: tiles.iter().map(|hash| u64::from_le_bytes(*hash)).collect() })
    }
}

/// Number of tiles that a picture is cut into.
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
