//! Where pixels come from.

use oriel_wire::{Rect, Size};

/// The memory behind a scanout went away (resource destroyed, guest memory unmapped).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scanout's memory is gone")]
pub struct SourceLost;

/// A picture that a guest is showing. Pixels are 4 bytes: blue, green, red, ignored
/// (`B8G8R8X8`, DRM `XRGB8888`). The guest may draw while it is read; a torn row is mended by
/// the flush that follows.
pub trait PixelSource: Send + Sync {
    /// Size in pixels; constant for the life of the source.
    fn size(&self) -> Size;

    /// Copies `dst.len() / 4` pixels of row `y` from column `x` into `dst`.
    ///
    /// # Errors
    /// [`SourceLost`] when the memory is gone or the span lies outside of [`Self::size`].
    fn read_row(&self, x: u32, y: u32, dst: &mut [u8]) -> Result<(), SourceLost>;
}

/// What a screen without a scanout shows: black.
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
