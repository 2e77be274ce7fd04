//! Deterministic noise in integers.

/// A well-mixed hash of three numbers.
pub fn hash(x: u32, y: u32, seed: u32) -> u32 {
    let mut value =
        x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    value = (value ^ value >> 15).wrapping_mul(0x2c1b_3c6d);
    value = (value ^ value >> 12).wrapping_mul(0x297a_2d39);
    value ^ value >> 15
}

/// Smooth noise, 0 to 255, on a lattice of `1 << cell` pixels that repeats every
/// `1 << period` pixels across.
pub fn smooth(x: u32, y: u32, cell: u32, period: u32, seed: u32) -> u32 {
    let columns = (1 << (period - cell)) - 1;
    let corner = |dx: u32, dy: u32| hash(((x >> cell) + dx) & columns, (y >> cell) + dy, seed) & 0xff;
    // The fraction in 256ths, through 3t^2 - 2t^3.
    let ease = |value: u32| {
        let t = ((value & ((1 << cell) - 1)) << 8) >> cell;
        (t * t * (768 - 2 * t)) >> 16
    };
    let (u, v) = (ease(x), ease(y));
    let between = |from: u32, to: u32, part: u32| (from * (256 - part) + to * part) >> 8;
    between(between(corner(0, 0), corner(1, 0), u), between(corner(0, 1), corner(1, 1), u), v)
}

/// Four octaves of [`smooth`], 0 to 255, the coarsest on cells of `1 << cell` pixels.
pub fn cloud(x: u32, y: u32, cell: u32, period: u32, seed: u32) -> u32 {
    (0..4).fold(0, |sum, octave| sum + (smooth(x, y, cell - octave, period, seed + octave) >> (octave + 1)))
}

/// A sine: `turn` of 1024 parts of a circle, as -1024 to 1024.
pub fn sine(turn: i32) -> i32 {
    // Bhaskara's approximation, half a wave at a time: right to 2 in 1000.
    let turn = turn.rem_euclid(1024);
    let half = turn % 512;
    let product = half * (512 - half);
    let value = 1024 * 4 * product / (5 * 512 * 512 / 4 - product);
    if turn < 512 { value } else { -value }
}
