//! Memory layout of a picture as QEMU describes it, its validation, and the errors of display messages.

use super::pixel_format::PixelFormat;
use std::io;

/// Maximum side of a picture in pixels: above any screen, and within 16-bit coordinates.
const MAX_SIDE: u32 = 16384;
/// Maximum number of pixels, 8K; a larger picture would not fit into a D-Bus message of QEMU.
const MAX_PIXELS: u64 = 7680 * 4320;

/// Memory layout of a picture as QEMU describes it; unchecked until [`Self::bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SurfaceLayout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Distance between the starts of two rows in bytes.
    pub stride: u32,
    /// Pixel format, as pixman's `pixman_format_code_t`.
    pub format: u32,
}

/// Reason for which a display message of QEMU is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SurfaceError {
    #[error("pixel format {0:#x} is not one of pixman's packed RGB formats")]
    Format(u32),
    #[error("the picture is empty or too large")]
    TooLarge,
    #[error("rows are longer than the stride")]
    Stride,
    #[error("there are fewer pixels than announced")]
    TooShort,
    #[error("the rectangle has a negative side or place")]
    Rectangle,
    #[error("an update came before any picture")]
    NoSurface,
    #[error("the pointer's picture does not fit its size")]
    Cursor,
    #[error("the shared descriptor is not memory")]
    NotMemory,
    #[error("the shared memory cannot be read: {0}")]
    Unreadable(io::Error),
}

impl SurfaceLayout {
    /// Validates the layout, and returns the number of bytes from the first pixel to the last.
    ///
    /// # Errors
    /// [`SurfaceError::Format`], [`SurfaceError::TooLarge`] or [`SurfaceError::Stride`].
    pub fn bytes(&self) -> Result<u64, SurfaceError> {
        let row = self.row_bytes()?;
        let before_last = u64::from(self.stride) * u64::from(self.height - 1);
        Ok(before_last + row)
    }

    /// Validates the layout, and returns the number of bytes of one row's pixels.
    fn row_bytes(&self) -> Result<u64, SurfaceError> {
        let format = self.pixel_format()?;
        let side = 1..=MAX_SIDE;
        if !side.contains(&self.width)
            || !side.contains(&self.height)
            || u64::from(self.width) * u64::from(self.height) > MAX_PIXELS
        {
            return Err(SurfaceError::TooLarge);
        }
        let row = u64::from(self.width) * format.bytes() as u64;
        if row > u64::from(self.stride) { Err(SurfaceError::Stride) } else { Ok(row) }
    }

    /// Returns the pixel format.
    ///
    /// # Errors
    /// [`SurfaceError::Format`] when the format cannot be converted.
    pub(super) fn pixel_format(&self) -> Result<PixelFormat, SurfaceError> {
        PixelFormat::from_pixman(self.format).ok_or(SurfaceError::Format(self.format))
    }
}
