//! The bench guest's scenes as a source of pixels, without a guest.

use oriel_display::{PixelSource, SourceLost};
use oriel_scenes::{Damage, Renderer, Scene};
use oriel_wire::{Rect, Size};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Calls `measure` for each of `scenes`, or for those that the program's arguments name.
///
/// # Errors
/// The first error of `measure`.
pub fn for_wanted_scenes<E>(
    scenes: &[Scene],
    mut measure: impl FnMut(Scene) -> Result<(), E>,
) -> Result<(), E> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |scene: &&Scene| wanted.is_empty() || wanted.iter().any(|name| name == scene.name());
    scenes.iter().filter(is_wanted).try_for_each(|scene| measure(*scene))
}

/// A screen that a scene is drawn on.
pub struct SceneSource {
    size: Size,
    pixels: Mutex<Vec<u32>>,
}

impl SceneSource {
    /// A black screen.
    pub fn new(size: Size) -> Arc<Self> {
        let pixels = vec![0; size.width as usize * size.height as usize];
        Arc::new(Self { size, pixels: Mutex::new(pixels) })
    }

    /// Draws the renderer's next step; returns what it damaged.
    pub fn step(&self, renderer: &mut Renderer) -> Vec<Rect> {
        self.draw(|pixels| renderer.step(pixels))
    }

    /// Draws something; returns what it damaged.
    pub fn draw(&self, draw: impl FnOnce(&mut [u32]) -> Damage) -> Vec<Rect> {
        draw(&mut self.lock()).iter().filter_map(to_screen).collect()
    }

    /// Draws a function of place, as 0x00RRGGBB.
    pub fn paint(&self, colour: impl Fn(u32, u32) -> u32) {
        let mut pixels = self.lock();
        for (y, row) in (0..).zip(pixels.chunks_mut(self.size.width as usize)) {
            (0..).zip(row).for_each(|(x, pixel)| *pixel = colour(x, y));
        }
    }

    /// A renderer of `scene` that fits.
    pub fn renderer(&self, scene: Scene) -> Renderer {
        Renderer::new(scene, self.size.width, self.size.height)
    }

    /// Red, green, blue and 255, as a client's canvas has them.
    pub fn rgba(&self) -> Vec<u8> {
        let rgba = |pixel: &u32| {
            let [blue, green, red, _] = pixel.to_le_bytes();
            [red, green, blue, 255]
        };
        self.lock().iter().flat_map(rgba).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u32>> {
        self.pixels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_screen(rect: &oriel_scenes::Rect) -> Option<Rect> {
    let side = |value: i32| u32::try_from(value).ok();
    Some(Rect::new(side(rect.x)?, side(rect.y)?, side(rect.width)?, side(rect.height)?))
}

impl PixelSource for SceneSource {
    fn size(&self) -> Size {
        self.size
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        let width = self.size.width as usize;
        let start = y as usize * width + x as usize;
        let pixels = self.lock();
        let row = pixels.get(start..start + dst.len() / 4).ok_or(SourceLost)?;
        for (to, from) in dst.chunks_exact_mut(4).zip(row) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        Ok(())
    }
}
