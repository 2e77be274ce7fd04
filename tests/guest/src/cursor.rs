//! The arrow that follows the pointer.

use crate::gpu::CURSOR_SIDE;

const SIDE: usize = CURSOR_SIDE as usize;
const OUTLINE: u32 = 0xff00_0000;
const FILL: u32 = 0xffff_ffff;

/// `#` is the outline, `.` the filling.
const SHAPE: [&str; 19] = [
    "#",
    "##",
    "#.#",
    "#..#",
    "#...#",
    "#....#",
    "#.....#",
    "#......#",
    "#.......#",
    "#........#",
    "#.........#",
    "#......#####",
    "#...#..#",
    "#..##..#",
    "#.#  #..#",
    "##   #..#",
    "      #..#",
    "      #..#",
    "       ##",
];

/// An arrow as ARGB pixels, its tip at the top left.
pub fn arrow() -> [u32; SIDE * SIDE] {
    let mut pixels = [0; SIDE * SIDE];
    for (row, line) in pixels.chunks_exact_mut(SIDE).zip(SHAPE) {
        for (pixel, mark) in row.iter_mut().zip(line.bytes()) {
            *pixel = match mark {
                b'#' => OUTLINE,
                b'.' => FILL,
                _ => 0,
            };
        }
    }
    pixels
}
