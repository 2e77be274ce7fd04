//! Pictures that move: the whole screen, or a film of it.

use crate::canvas::{Canvas, mix, rgb};
use crate::damage::{Damage, Rect};
use crate::landscape::Landscape;
use crate::noise::sine;
use crate::renderer::Animation;

const BALLS: [u32; 4] = [rgb(214, 70, 58), rgb(238, 178, 44), rgb(60, 140, 96), rgb(70, 96, 190)];

/// Everything on the screen moves.
pub struct Motion {
    landscape: Landscape,
    bounds: Rect,
}

impl Motion {
    /// A screen of this size.
    pub fn new(width: i32, height: i32) -> Self {
        Self { landscape: Landscape::new(), bounds: Rect::new(0, 0, width, height) }
    }
}

impl Animation for Motion {
    fn damage(&self, _step: u64) -> Damage {
        Damage::of(&[self.bounds])
    }

    fn paint(&self, canvas: &mut Canvas<'_>, step: u64) {
        paint_film(canvas, self.bounds, &self.landscape, step);
    }
}

/// Shows a frame of the film in a rectangle: the camera pans over a landscape that
/// sways, and balls roll through the picture.
pub fn paint_film(canvas: &mut Canvas<'_>, rect: Rect, landscape: &Landscape, step: u64) {
    // Every motion comes back to its start after a power of two.
    let time = (step % (1 << 20)) as i32;
    let pan = ((time * 5) & 1023) + sine(time * 3) / 20;
    let tilt = sine(time * 4) / 16 - rect.height / 2 + 300;
    canvas.shade(rect, |x, y| {
        let sway = sine(y * 3 + time * 14) / 128;
        Some(landscape.at(x + pan + sway, y + tilt))
    });
    let mut canvas = canvas.clipped(rect);
    let radius = rect.height / 9;
    for (colour, number) in BALLS.into_iter().zip(1..) {
        let x = rect.x + rect.width / 2 + rect.width * sine(time * (3 + number) + number * 190) / 2400;
        let y = rect.y + rect.height / 2 + rect.height * sine(time * (7 - number) + number * 310) / 2800;
        paint_ball(&mut canvas, x, y, radius, colour);
    }
}

fn paint_ball(canvas: &mut Canvas<'_>, x: i32, y: i32, radius: i32, colour: u32) {
    let square = Rect::new(x - radius, y - radius, 2 * radius, 2 * radius);
    let reach = radius * radius;
    canvas.shade(square, |column, row| {
        let (dx, dy) = (column - radius, row - radius);
        if dx * dx + dy * dy > reach {
            return None;
        }
        // Lit from the upper left.
        let (lx, ly) = (dx + radius / 3, dy + radius / 3);
        let shadow = ((lx * lx + ly * ly) * 128 / reach).min(256) as u32;
        Some(mix(mix(colour, rgb(255, 255, 255), 70), rgb(16, 16, 24), shadow * 3 / 4))
    });
}
