//! A picture in place of a photograph: sky, clouds, hills and water, with the
//! gradients and the fine grain that photographs have.

use alloc::vec::Vec;

use crate::canvas::{mix, rgb};
use crate::noise::{cloud, hash, sine, smooth};

/// Size of the picture. It repeats seamlessly to the sides.
pub const WIDTH: i32 = 1024;
/// Rows of the picture.
pub const HEIGHT: i32 = 512;

const PERIOD: u32 = 10;
const SEED: u32 = 20;
const HORIZON: i32 = 330;

/// The picture's pixels.
pub struct Landscape {
    pixels: Vec<u32>,
}

impl Landscape {
    /// Computes the picture.
    pub fn new() -> Self {
        let mut pixels = Vec::with_capacity((WIDTH * HEIGHT) as usize);
        let ridges: Vec<[i32; 3]> = (0..WIDTH).map(ridges).collect();
        for y in 0..HEIGHT {
            for (x, ridges) in (0..WIDTH).zip(&ridges) {
                pixels.push(grain(colour(x, y, ridges), x, y));
            }
        }
        Self { pixels }
    }

    /// The pixel at any place: the picture repeats to the sides and is mirrored
    /// up and down.
    pub fn at(&self, x: i32, y: i32) -> u32 {
        let y = y & (2 * HEIGHT - 1);
        let y = if y < HEIGHT { y } else { 2 * HEIGHT - 1 - y };
        self.pixels[(y * WIDTH + (x & (WIDTH - 1))) as usize]
    }
}

/// Height of the three ranges of hills in a column, as the row where each begins.
fn ridges(x: i32) -> [i32; 3] {
    let noise = |cell, seed| smooth(x as u32, 0, cell, PERIOD, SEED + seed) as i32;
    let far = 250 - noise(7, 1) / 3 - noise(5, 2) / 8 - noise(3, 3) / 32;
    let middle = 300 - noise(7, 4) / 4 - noise(5, 5) / 10 - noise(2, 6) / 40;
    let near = 345 - noise(8, 7) / 4 - noise(4, 8) / 16 - noise(2, 9) / 24;
    [far, middle, near]
}

fn colour(x: i32, y: i32, ridges: &[i32; 3]) -> u32 {
    if y < HORIZON { land(x, y, ridges) } else { water(x, y, ridges) }
}

fn land(x: i32, y: i32, &[far, middle, near]: &[i32; 3]) -> u32 {
    let texture = |cell, seed| cloud(x as u32, y as u32, cell, PERIOD, SEED + seed);
    if y >= near {
        mix(rgb(28, 52, 24), rgb(92, 120, 48), texture(4, 30))
    } else if y >= middle {
        mix(rgb(44, 74, 62), rgb(104, 132, 96), (texture(5, 40) + (y - middle) as u32).min(255))
    } else if y >= far {
        mix(rgb(96, 112, 150), rgb(176, 178, 196), (texture(5, 50) / 2 + 2 * (y - far) as u32).min(255))
    } else {
        sky(x, y)
    }
}

fn sky(x: i32, y: i32) -> u32 {
    let blue = mix(rgb(40, 96, 178), rgb(246, 214, 170), (y * 256 / HORIZON) as u32);
    let (dx, dy) = (x - 700, y - 150);
    let distance = dx * dx + dy * dy;
    let glow = (256 * 1600 / (distance + 1600)).min(255) as u32;
    let lit = mix(blue, rgb(255, 244, 206), glow);
    let cover = cloud(x as u32, 2 * y as u32, 7, PERIOD, SEED + 60).saturating_sub(110) * 2;
    mix(lit, rgb(250, 246, 244), cover.min(220))
}

fn water(x: i32, y: i32, ridges: &[i32; 3]) -> u32 {
    let depth = y - HORIZON;
    let ripple = smooth(x as u32, 4 * y as u32, 4, PERIOD, SEED + 70) as i32 - 128;
    let mirrored = HORIZON - 1 - depth * 3 / 2 + ripple * depth / 1024;
    let reflection = land((x + sine(y * 40) / 256) & (WIDTH - 1), mirrored.max(0), ridges);
    let dark = mix(reflection, rgb(18, 54, 84), 90 + depth as u32 / 2);
    mix(dark, rgb(230, 238, 240), (ripple - 96).max(0) as u32)
}

/// Film grain of up to three steps a channel.
fn grain(colour: u32, x: i32, y: i32) -> u32 {
    let noise = hash(x as u32, y as u32, SEED);
    let channel = |shift: u32| {
        let step = (noise >> shift & 7) as i32 - 3;
        (((colour >> shift & 0xff) as i32 + step).clamp(0, 255) as u32) << shift
    };
    0xff00_0000 | channel(16) | channel(8) | channel(0)
}
