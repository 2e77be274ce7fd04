//! 2D resources: the host's copy of pixels, filled by TRANSFER_TO_HOST_2D (VIRTIO 1.2, section 5.7.6.8).

use super::backing::Backing;
use super::bounds::{contains, span_fits};
use super::format::{PIXEL_LEN, PixelFormat};
use super::wire::GpuError;
use crate::device::GuestRam;
use oriel_display::{PixelSource, SourceLost};
use oriel_wire::{Rect, Size};
use parking_lot::RwLock;
use std::sync::Arc;

/// Pixels of a 2D resource on the host, stored as blue, green, red, and alpha or padding in any format of the
/// guest.
pub struct Resource2d {
    /// Width and height in pixels.
    pub size: Size,
    /// Pixel format of the guest.
    pub format: PixelFormat,
    /// Rows of `stride` bytes. The lock is taken for one row at a time, so that readers rarely delay the
    /// guest.
    pixels: RwLock<Box<[u8]>>,
    stride: usize,
}

impl Resource2d {
    /// Creates a black resource of `bytes` bytes, which is width times height times 4.
    pub fn new(size: Size, format: PixelFormat, bytes: usize) -> Self {
        let stride = size.width as usize * PIXEL_LEN;
        Self { size, format, pixels: RwLock::new(vec![0; bytes].into()), stride }
    }

    /// Returns the size of the pixels on the host in bytes.
    pub fn bytes(&self) -> usize {
        self.stride * self.size.height as usize
    }

    /// Copies `rect` from guest memory (TRANSFER_TO_HOST_2D). The first pixel is at byte `offset` of
    /// `backing`; the distance between rows is the resource's width.
    ///
    /// # Errors
    /// When the rectangle is not within the resource, or the range not within the backing.
    pub fn transfer(
        &self,
        memory: &GuestRam,
        backing: &Backing,
        rect: Rect,
        offset: u64,
    ) -> Result<(), GpuError> {
        if !contains(self.size, rect) {
            return Err(GpuError::InvalidParameter);
        }
        let row_len = rect.width as usize * PIXEL_LEN;
        let mut from = offset;
        for y in rect.y..rect.bottom() {
            let start = y as usize * self.stride + rect.x as usize * PIXEL_LEN;
            let mut pixels = self.pixels.write();
            let row = pixels.get_mut(start..start + row_len).ok_or(GpuError::InvalidParameter)?;
            backing.read(memory, from, row).ok_or(GpuError::InvalidParameter)?;
            self.format.to_bgrx(row);
            from = from.checked_add(self.stride as u64).ok_or(GpuError::InvalidParameter)?;
        }
        Ok(())
    }

    /// Copies pixels of row `y` from column `x` on; `None` if they exceed the row.
    fn read(&self, x: u32, y: u32, dst: &mut [u8]) -> Option<()> {
        let start = y as usize * self.stride + x as usize * PIXEL_LEN;
        let pixels = self.pixels.read();
        dst.copy_from_slice(pixels.get(start..start.checked_add(dst.len())?)?);
        Some(())
    }

    /// Returns a copy of all pixels, row by row.
    pub fn snapshot(&self) -> Vec<u8> {
        self.pixels.read().to_vec()
    }
}

/// View of the rectangle of a 2D resource that a scanout displays.
pub struct Resource2dView {
    image: Arc<Resource2d>,
    rect: Rect,
}

impl Resource2dView {
    /// Creates a view of the rectangle `rect` of `image`.
    ///
    /// # Errors
    /// When the rectangle is empty or not within the resource.
    pub fn new(image: Arc<Resource2d>, rect: Rect) -> Result<Self, GpuError> {
        if rect.is_empty() || !contains(image.size, rect) {
            return Err(GpuError::InvalidParameter);
        }
        Ok(Self { image, rect })
    }
}

impl PixelSource for Resource2dView {
    fn size(&self) -> Size {
        Size::new(self.rect.width, self.rect.height)
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        if !span_fits(self.size(), x, y, dst.len()) {
            return Err(SourceLost);
        }
        self.image.read(self.rect.x + x, self.rect.y + y, dst).ok_or(SourceLost)
    }
}
