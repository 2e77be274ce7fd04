//! Layout of a surface as QEMU describes it, checked, and the errors of the display's messages.

use super::pixel_format::PixelFormat;
use std::io;

/// Larger than any screen, and small enough for 16-bit coordinates.
const MAX_SIDE: u32 = 16384;
/// 8K: a larger picture would not fit a D-Bus message of today's QEMU anyway.
const MAX_PIXELS: u64 = 7680 * 4320;

/// The layout of a picture, as QEMU tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SurfaceLayout {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// Pixman's code.
    pub format: u32,
}

/// Why a message of the display was refused.
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
    /// The bytes from the first pixel to the last, once the layout is known to make sense.
    pub fn bytes(&self) -> Result<u64, SurfaceError> {
        let row = self.row_bytes()?;
        let before_last = u64::from(self.stride) * u64::from(self.height - 1);
        Ok(before_last + row)
    }

    /// The bytes of one row's pixels. Checks everything.
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

    /// Pixel format of the surface, if it is one that can be converted.
    pub(super) fn pixel_format(&self) -> Result<PixelFormat, SurfaceError> {
        PixelFormat::from_pixman(self.format).ok_or(SurfaceError::Format(self.format))
    }
}
