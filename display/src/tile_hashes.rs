//! Hashes of tiles, by which client and server find the tiles in which their pictures differ.
//!
//! Both ends compute them, so `docs/protocol.md` defines them. They detect accidental differences and save bytes;
//! they do not resist deliberate collisions.

use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::TileHashes;

/// Constants of a hash's two halves: seed of a lane, rotation, multiplier.
const HALVES: [(u32, u32, u32); 2] = [(0x9e37_79b9, 13, 0x85eb_ca6b), (0x7f4a_7c15, 17, 0xc2b2_ae35)];

/// Multiplier of the lane of odd columns, before it is added to the lane of even columns.
const ODD: u32 = 0x27d4_eb2f;

/// Computes the hashes of all tiles of a picture; the fourth byte of a pixel is ignored.
pub fn tile_hashes(picture: &Framebuffer) -> TileHashes {
    let tiles = (0..Grid::new(picture.size()).len()).map(|tile| hash(picture, tile)).collect();
    TileHashes::new(picture.size(), tiles).unwrap_or_default()
}

/// Reports whether a tile of `picture`, which must have the hashes' size, has the hashed pixels.
pub fn tile_agrees(hashes: &TileHashes, picture: &Framebuffer, tile: usize) -> bool {
    hashes.tiles().get(tile).is_some_and(|known| *known == hash(picture, tile))
}

/// Computes the hash of one tile.
fn hash(picture: &Framebuffer, tile: usize) -> u64 {
    let mut lanes = HALVES.map(|(seed, ..)| [seed; 2]);
    for row in picture.rows(Grid::new(picture.size()).rect(tile)) {
        let (pairs, last) = row.as_chunks::<8>();
        for [b0, g0, r0, _, b1, g1, r1, _] in pairs {
            stir(&mut lanes, 0, [*r0, *g0, *b0]);
            stir(&mut lanes, 1, [*r1, *g1, *b1]);
        }
        if let [b, g, r, _] = last {
            stir(&mut lanes, 0, [*r, *g, *b]);
        }
    }
    let [high, low] = lanes.map(|[even, odd]| u64::from(finish(even.wrapping_add(odd.wrapping_mul(ODD)))));
    high << 32 | low
}

/// Mixes a pixel into both halves of the lane of its column.
fn stir(lanes: &mut [[u32; 2]; 2], column: usize, [red, green, blue]: [u8; 3]) {
    let pixel = u32::from_le_bytes([red, green, blue, 0]);
    for (lanes, (_, rotation, multiplier)) in lanes.iter_mut().zip(HALVES) {
        if let Some(lane) = lanes.get_mut(column) {
            *lane = (*lane ^ pixel).rotate_left(rotation).wrapping_mul(multiplier);
        }
    }
}

/// Mixes a half so that every bit depends on every other.
fn finish(mut half: u32) -> u32 {
    half = (half ^ half >> 16).wrapping_mul(0x7feb_352d);
    half = (half ^ half >> 15).wrapping_mul(0x846c_a68b);
    half ^ half >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::Size;

    /// The picture that the client's tests hash as well.
    fn golden() -> Framebuffer {
        let size = Size::new(131, 66);
        let mut picture = Framebuffer::new(size);
        for y in 0..size.height {
            for x in 0..size.width {
                let bgrx = [(x * 3 + y) as u8, (x * y) as u8, (x ^ (y * 5)) as u8, (x + 9) as u8];
                picture.row_mut(x, y, 1).copy_from_slice(&bgrx);
            }
        }
        picture
    }

    #[test]
    fn both_ends_compute_the_same() {
        let hashes = tile_hashes(&golden());
        assert_eq!(
            hashes.tiles(),
            [
                0xc9a0_da92_ef61_5cbc,
                0xcb39_ece2_32c6_e5fd,
                0xd316_4657_6194_d16c,
                0xfd38_200c_0999_500c,
                0xd7e4_7130_999d_3d7e,
                0xcf63_b282_0e3f_f780
            ]
        );
    }

    #[test]
    fn every_bit_of_every_colour_counts_and_the_fourth_byte_does_not() {
        let picture = golden();
        let hashes = tile_hashes(&picture);
        for (x, y, tile) in [(0, 0, 0), (63, 63, 0), (64, 0, 1), (127, 64, 4), (130, 65, 5)] {
            for bit in 0..32 {
                let mut other = picture.clone();
                other.row_mut(x, y, 1)[bit / 8] ^= 1 << (bit % 8);
                let differing: Vec<usize> =
                    (0..6).filter(|tile| !tile_agrees(&hashes, &other, *tile)).collect();
                let expected = if bit < 24 { vec![tile] } else { vec![] };
                assert_eq!(differing, expected, "bit {bit} at {x}, {y}");
            }
        }
    }

    #[test]
    fn pictures_of_two_small_marks_are_all_told_apart() {
        let places: Vec<(u32, u32)> =
            (0..12).flat_map(|n| [(n, 0), (0, n + 1), (n * 5 + 1, n * 5 + 2), (63, 63 - n)]).collect();
        let mut hashes = std::collections::BTreeSet::new();
        let mut pictures = 0;
        for (n, one) in places.iter().enumerate() {
            for (other, mark) in
                places[..n].iter().flat_map(|other| [1, 0x80, 0xff].map(|mark| (other, mark)))
            {
                let mut picture = Framebuffer::new(Size::new(64, 64));
                for (x, y) in [one, other] {
                    picture.row_mut(*x, *y, 1)[0] = mark;
                }
                hashes.insert(hash(&picture, 0));
                pictures += 1;
            }
        }
        assert_eq!(hashes.len(), pictures);
    }
}
