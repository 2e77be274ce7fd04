//! Pixel formats of 2D resources (VIRTIO 1.2, section 5.7.6.8): 4 bytes a pixel, named by their order in
//! memory.

/// Order of the channels in a pixel's 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    /// Byte index of blue, green, red, and of alpha or padding.
    order: [u8; 4],
    /// Whether the fourth channel is alpha.
    pub has_alpha: bool,
}

/// Size of a pixel in bytes, in every supported format.
pub const PIXEL_LEN: usize = 4;

impl PixelFormat {
    /// Format VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, DRM's `ARGB8888`, which cursors use.
    pub const BGRA: Self = Self { order: [0, 1, 2, 3], has_alpha: true };

    /// Returns the pixel format of a VIRTIO_GPU_FORMAT_* number; `None` for an unsupported number.
    pub fn from_wire(format: u32) -> Option<Self> {
        let (order, has_alpha) = match format {
            1 => ([0, 1, 2, 3], true),
            2 => ([0, 1, 2, 3], false),
            3 => ([3, 2, 1, 0], true),
            4 => ([3, 2, 1, 0], false),
            67 => ([2, 1, 0, 3], true),
            68 => ([1, 2, 3, 0], false),
            121 => ([1, 2, 3, 0], true),
            134 => ([2, 1, 0, 3], false),
            _ => return None,
        };
        Some(Self { order, has_alpha })
    }

    /// Converts `pixels` in place to blue, green, red, and alpha or padding.
    pub fn to_bgrx(self, pixels: &mut [u8]) {
        if self.order == Self::BGRA.order {
            return;
        }
        let [b, g, r, a] = self.order.map(usize::from);
        for pixel in pixels.as_chunks_mut::<PIXEL_LEN>().0 {
            *pixel = [pixel[b], pixel[g], pixel[r], pixel[a]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_finds_its_channels() {
        // The same orange, half transparent where there is alpha.
        let (b, g, r, a) = (10, 100, 200, 128);
        for (format, memory) in [
            (1, [b, g, r, a]),
            (2, [b, g, r, a]),
            (3, [a, r, g, b]),
            (4, [a, r, g, b]),
            (67, [r, g, b, a]),
            (68, [a, b, g, r]),
            (121, [a, b, g, r]),
            (134, [r, g, b, a]),
        ] {
            let mut pixels = [memory, memory].concat();
            PixelFormat::from_wire(format).unwrap().to_bgrx(&mut pixels);
            assert_eq!(pixels, [[b, g, r, a], [b, g, r, a]].concat(), "format {format}");
        }
        assert_eq!(PixelFormat::from_wire(5), None);
    }
}
