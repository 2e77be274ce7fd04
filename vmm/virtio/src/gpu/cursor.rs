//! Conversion of a cursor resource to the cursor image of viewers.

use super::format::{PIXEL_LEN, PixelFormat};
use super::resources::Resource;
use super::wire::GpuError;
use oriel_wire::{CursorImage, Size};

/// Width and height of the cursor plane in pixels (VIRTIO 1.2, section 5.7.6.10).
const SIDE: u32 = 64;

/// Converts the cursor image in `resource`. A blob has no format; its pixels are taken as a whole cursor
/// plane of premultiplied BGRA, as Linux draws.
///
/// # Errors
/// When the resource is larger than the cursor plane, or a blob cannot be read.
pub fn image(resource: &Resource, hot_x: u32, hot_y: u32) -> Result<CursorImage, GpuError> {
    let (size, has_alpha, mut pixels) = match resource {
        Resource::TwoD { image, .. } => {
            if image.size.width > SIDE || image.size.height > SIDE {
                return Err(GpuError::InvalidParameter);
            }
            (image.size, image.format.has_alpha, image.snapshot())
        }
        Resource::Blob(blob) => {
            let mut pixels = vec![0; (SIDE * SIDE) as usize * PIXEL_LEN];
            blob.read(0, &mut pixels).map_err(|_| GpuError::InvalidParameter)?;
            (Size::new(SIDE, SIDE), PixelFormat::BGRA.has_alpha, pixels)
        }
    };
    for pixel in pixels.as_chunks_mut::<PIXEL_LEN>().0 {
        *pixel = unpremultiply(*pixel, has_alpha);
    }
    let (hot_x, hot_y) = (hot_x.min(size.width - 1), hot_y.min(size.height - 1));
    Ok(CursorImage { size, hot_x, hot_y, rgba: pixels })
}

/// Converts premultiplied BGRA, as in DRM's cursor planes, to straight RGBA.
fn unpremultiply([b, g, r, a]: [u8; PIXEL_LEN], has_alpha: bool) -> [u8; PIXEL_LEN] {
    match a {
        _ if !has_alpha => [r, g, b, 255],
        255 => [r, g, b, a],
        0 => [0; PIXEL_LEN],
        _ => {
            let alpha = u16::from(a);
            let divide = |c: u8| ((u16::from(c) * 255 + alpha / 2) / alpha).min(255) as u8;
            [divide(r), divide(g), divide(b), a]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn premultiplied_becomes_straight() {
        assert_eq!(unpremultiply([10, 20, 30, 255], true), [30, 20, 10, 255]);
        assert_eq!(unpremultiply([64, 0, 128, 128], true), [255, 0, 128, 128]);
        assert_eq!(unpremultiply([9, 9, 9, 0], true), [0, 0, 0, 0]);
        // More colour than alpha allows is a guest's mistake, and stays within bounds.
        assert_eq!(unpremultiply([255, 255, 255, 1], true), [255, 255, 255, 1]);
        assert_eq!(unpremultiply([10, 20, 30, 0], false), [30, 20, 10, 255]);
    }
}
