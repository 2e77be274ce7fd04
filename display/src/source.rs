//! Source of pixels: the interface by which graphics devices publish a scanout.

use oriel_wire::{Rect, Size};

/// Error of reading a scanout whose memory is no longer available (resource destroyed, guest memory
/// unmapped).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scanout's memory is no longer available")]
pub struct SourceLost;

/// Picture that a guest shows. Pixels have 4 bytes: blue, green, red, unused (`B8G8R8X8`, DRM `XRGB8888`).
/// The guest may draw during a read; the flush that follows corrects a torn row.
pub trait PixelSource: Send + Sync {
    /// Returns the size in pixels, constant for the life of the source.
    fn size(&self) -> Size;

    /// Copies `dst.len() / 4` pixels of row `y` from column `x` into `dst`.
    ///
    /// # Errors
    /// [`SourceLost`] when the memory is not available or the span lies outside of [`Self::size`].
    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost>;
}

/// Source of black pixels of the given size, for a screen without a scanout.
#[derive(Debug, Clone, Copy)]
pub struct Dark(pub Size);

impl PixelSource for Dark {
    fn size(&self) -> Size {
        self.0
    }

    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost> {
        let span = Rect::new(x, y, (dst.len() / 4) as u32, 1);
        if span.intersection(&self.0.bounds()) != span {
            return Err(SourceLost);
        }
        dst.fill(0);
        Ok(())
    }
}
