//! Blob resources: guest memory that is displayed without a copy on the host.

use super::backing::Backing;
use super::bounds::{contains, span_fits};
use super::format::{PIXEL_LEN, PixelFormat};
use super::wire::{BlobLayout, GpuError};
use crate::device::GuestRam;
use oriel_display::{PixelSource, SourceLost};
use oriel_wire::{Rect, Size};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Blob resource of type VIRTIO_GPU_BLOB_MEM_GUEST.
pub struct Blob {
    memory: GuestRam,
    backing: Backing,
    size: u64,
    /// Whether the guest took its pages back, whose contents are then unrelated.
    invalidated: AtomicBool,
}

impl Blob {
    /// Creates a blob of the first `size` bytes of `backing`.
    ///
    /// # Errors
    /// When `size` is zero or larger than the backing.
    pub fn new(memory: GuestRam, backing: Backing, size: u64) -> Result<Self, GpuError> {
        if size == 0 || backing.len() < size {
            return Err(GpuError::InvalidParameter);
        }
        Ok(Self { memory, backing, size, invalidated: AtomicBool::new(false) })
    }

    /// Returns the number of segments of the backing.
    pub fn segments(&self) -> usize {
        self.backing.segments()
    }

    /// Makes all later reads fail, since the guest may reuse the pages.
    pub fn invalidate(&self) {
        self.invalidated.store(true, Ordering::Release);
    }

    /// Copies bytes from `offset` on into `dst`.
    ///
    /// # Errors
    /// When the range reaches past the end, or the blob was invalidated.
    pub fn read(&self, offset: u64, dst: &mut [u8]) -> Result<(), SourceLost> {
        let end = offset.checked_add(dst.len() as u64).ok_or(SourceLost)?;
        if end > self.size || self.invalidated.load(Ordering::Acquire) {
            return Err(SourceLost);
        }
        self.backing.read(&self.memory, offset, dst).ok_or(SourceLost)
    }
}

/// View of the rectangle of a blob that a scanout displays.
pub struct BlobView {
    blob: Arc<Blob>,
    rect: Rect,
    format: PixelFormat,
    offset: u64,
    stride: u64,
}

impl BlobView {
    /// Creates a view of the rectangle `rect` in the framebuffer that `layout` describes within `blob`.
    ///
    /// # Errors
    /// When the format is unknown or the rectangle is not within framebuffer and blob.
    pub fn new(blob: Arc<Blob>, rect: Rect, layout: BlobLayout) -> Result<Self, GpuError> {
        let format = PixelFormat::from_wire(layout.format).ok_or(GpuError::InvalidParameter)?;
        let (stride, offset) = (u64::from(layout.stride), u64::from(layout.offset));
        let row_len = u64::from(layout.width) * PIXEL_LEN as u64;
        // Products of 32-bit numbers fit into 64 bits; only the last sum, of two products, can overflow.
        let last_row = u64::from(rect.bottom().saturating_sub(1)) * stride;
        let end = (offset + u64::from(rect.right()) * PIXEL_LEN as u64).checked_add(last_row);
        let fits = !rect.is_empty()
            && contains(Size::new(layout.width, layout.height), rect)
            && stride >= row_len
            && end.is_some_and(|end| end <= blob.size);
        if !fits {
            return Err(GpuError::InvalidParameter);
        }
        Ok(Self { blob, rect, format, offset, stride })
    }
}

impl PixelSource for BlobView {
    fn size(&self) -> Size {
        Size::new(self.rect.width, self.rect.height)
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        if !span_fits(self.size(), x, y, dst.len()) {
            return Err(SourceLost);
        }
        let column = u64::from(self.rect.x + x) * PIXEL_LEN as u64;
        self.blob.read(self.offset + u64::from(self.rect.y + y) * self.stride + column, dst)?;
        self.format.to_bgrx(dst);
        Ok(())
    }
}
