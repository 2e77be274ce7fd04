//! Pixel formats of QEMU's pictures (pixman's codes), and their conversion to BGRX.

/// Packed pixel format; the codes are those of pixman.h's `pixman_format_code_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelFormat {
    /// 32 bits, blue in the lowest byte: the framebuffer's format. The alpha of `a8r8g8b8` is ignored.
    Bgrx,
    /// 32 bits, red in the lowest byte.
    Rgbx,
    /// 32 bits, blue in the highest byte.
    Xrgb,
    /// 24 bits, blue in the lowest byte.
    Bgr,
    /// 16 bits: 5 red, 6 green, 5 blue.
    Rgb565,
    /// 16 bits: 1 ignored, 5 red, 5 green, 5 blue.
    Xrgb1555,
}

impl PixelFormat {
    /// Returns the format with pixman's `code`; `None` for formats that cannot be converted.
    pub fn from_pixman(code: u32) -> Option<Self> {
        Some(match code {
            0x2002_0888 | 0x2002_8888 => Self::Bgrx,
            0x2003_0888 | 0x2003_8888 => Self::Rgbx,
            0x2008_0888 | 0x2008_8888 => Self::Xrgb,
            0x1802_0888 => Self::Bgr,
            0x1002_0565 => Self::Rgb565,
            0x1002_0555 | 0x1002_1555 => Self::Xrgb1555,
            _ => return None,
        })
    }

    /// Size of a pixel in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bgrx | Self::Rgbx | Self::Xrgb => 4,
            Self::Bgr => 3,
            Self::Rgb565 | Self::Xrgb1555 => 2,
        }
    }

    /// Converts a row of pixels to BGRX; the shorter of the two slices limits the number of pixels.
    pub fn convert_row(self, source: &[u8], bgrx: &mut [u8]) {
        match self {
            Self::Bgrx => {
                let length = source.len().min(bgrx.len());
                if let (Some(from), Some(to)) = (source.get(..length), bgrx.get_mut(..length)) {
                    to.copy_from_slice(from);
                }
            }
            Self::Rgbx => convert(source, bgrx, |&[r, g, b, _]: &[u8; 4]| [b, g, r, 0]),
            Self::Xrgb => convert(source, bgrx, |&[_, r, g, b]: &[u8; 4]| [b, g, r, 0]),
            Self::Bgr => convert(source, bgrx, |&[b, g, r]: &[u8; 3]| [b, g, r, 0]),
            Self::Rgb565 => convert(source, bgrx, |&pixel: &[u8; 2]| {
                let pixel = u16::from_le_bytes(pixel);
                [five_bits(pixel), six_bits(pixel >> 5), five_bits(pixel >> 11), 0]
            }),
            Self::Xrgb1555 => convert(source, bgrx, |&pixel: &[u8; 2]| {
                let pixel = u16::from_le_bytes(pixel);
                [five_bits(pixel), five_bits(pixel >> 5), five_bits(pixel >> 10), 0]
            }),
        }
    }
}

/// Converts a row pixel by pixel, `N` bytes each.
fn convert<const N: usize>(source: &[u8], bgrx: &mut [u8], pixel: impl Fn(&[u8; N]) -> [u8; 4]) {
    for (from, to) in source.as_chunks::<N>().0.iter().zip(bgrx.as_chunks_mut::<4>().0) {
        *to = pixel(from);
    }
}

/// Scales the lowest five bits to 0..=255.
const fn five_bits(value: u16) -> u8 {
    let value = (value & 0x1f) as u8;
    (value << 3) | (value >> 2)
}

/// Scales the lowest six bits to 0..=255.
const fn six_bits(value: u16) -> u8 {
    let value = (value & 0x3f) as u8;
    (value << 2) | (value >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(code: u32, pixel: &[u8]) -> [u8; 3] {
        let format = PixelFormat::from_pixman(code).unwrap();
        assert_eq!(format.bytes(), pixel.len());
        let mut bgrx = [9; 4];
        format.convert_row(pixel, &mut bgrx);
        [bgrx[0], bgrx[1], bgrx[2]]
    }

    #[test]
    fn orange_is_orange_in_every_format() {
        const BGR: [u8; 3] = [0x10, 0x84, 0xff];
        assert_eq!(one(0x2002_0888, &[0x10, 0x84, 0xff, 0]), BGR);
        assert_eq!(one(0x2002_8888, &[0x10, 0x84, 0xff, 77]), BGR);
        assert_eq!(one(0x2003_0888, &[0xff, 0x84, 0x10, 0]), BGR);
        assert_eq!(one(0x2008_8888, &[0, 0xff, 0x84, 0x10]), BGR);
        assert_eq!(one(0x1802_0888, &BGR), BGR);
        let packed = (31_u16 << 11) | (33 << 5) | 2;
        assert_eq!(one(0x1002_0565, &packed.to_le_bytes()), [0x10, 0x86, 0xff]);
        let packed = (31_u16 << 10) | (16 << 5) | 2;
        assert_eq!(one(0x1002_0555, &packed.to_le_bytes()), [0x10, 0x84, 0xff]);
        assert_eq!(PixelFormat::from_pixman(0x0801_8000), None);
    }
}
