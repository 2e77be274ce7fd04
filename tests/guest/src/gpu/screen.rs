//! The picture on one scanout.

use alloc::vec::Vec;

use oriel_scenes::Rect;

use super::GpuError;

/// A resource on a scanout and the pixels behind it.
pub struct Screen {
    scanout: u32,
    resource: u32,
    rect: Rect,
    pixels: Vec<u32>,
}

impl Screen {
    pub(super) fn new(scanout: u32, resource: u32, rect: Rect) -> Result<Self, GpuError> {
        let pixels = pixels(rect.width.max(1) as u32, rect.height.max(1) as u32)?;
        Ok(Self { scanout, resource, rect, pixels })
    }

    /// The scanout's number.
    pub fn scanout(&self) -> u32 {
        self.scanout
    }

    pub(super) fn resource(&self) -> u32 {
        self.resource
    }

    /// Where it is on the whole desktop.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// It is elsewhere on the desktop now.
    pub fn move_to(&mut self, x: i32, y: i32) {
        (self.rect.x, self.rect.y) = (x, y);
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.rect.width as u32
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.rect.height as u32
    }

    /// The pixels to draw on, row by row, 0xXXRRGGBB.
    pub fn pixels(&mut self) -> &mut [u32] {
        &mut self.pixels
    }

    /// A place on the desktop as one on the screen.
    pub fn place(&self, (x, y): (u32, u32)) -> Option<(u32, u32)> {
        let within = |at: u32, start: i32, side: i32| {
            let at = i32::try_from(at).ok()?.checked_sub(start)?;
            (0..side).contains(&at).then_some(at as u32)
        };
        Some((within(x, self.rect.x, self.rect.width)?, within(y, self.rect.y, self.rect.height)?))
    }

    /// Address and length in bytes.
    pub(super) fn memory(&self) -> (u64, u32) {
        (self.pixels.as_ptr().addr() as u64, size_of_val(&*self.pixels) as u32)
    }
}

/// Zeroed pixels.
pub(super) fn pixels(width: u32, height: u32) -> Result<Vec<u32>, GpuError> {
    let count = width as usize * height as usize;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(count).map_err(|_| GpuError::OutOfMemory)?;
    pixels.resize(count, 0);
    Ok(pixels)
}
