//! Planes of luma and quarter-size chroma, converted from a region of a picture.

use super::VideoError;
use crate::geometry::Rect;
use crate::picture::Picture;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, bgra_to_yuv420,
};

/// A picture whose sides are multiples of 16, BT.709, limited range.
pub struct I420 {
    width: u32,
    height: u32,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl I420 {
    /// A picture of at least `width` by `height` pixels, rounded up to whole macroblocks.
    pub fn covering(width: u32, height: u32) -> Self {
        let (width, height) = (width.next_multiple_of(16), height.next_multiple_of(16));
        let luma = width as usize * height as usize;
        Self { width, height, y: vec![0; luma], u: vec![0; luma / 4], v: vec![0; luma / 4] }
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Luma (row length: the width), then both chroma planes (row length: half of it).
    pub fn planes(&self) -> [&[u8]; 3] {
        [&self.y, &self.u, &self.v]
    }

    /// Takes `region` of `picture`; what the region lacks to whole macroblocks repeats its last
    /// column and row, which costs the encoder next to nothing.
    ///
    /// # Errors
    /// When the region lies outside of the picture or does not fit.
    pub fn convert(&mut self, picture: &Picture, region: Rect) -> Result<(), VideoError> {
        if region.is_empty() || region.width > self.width || region.height > self.height {
            return Err(VideoError::Size(region.width, region.height));
        }
        let bgrx = picture.strided(region).ok_or(VideoError::Size(region.width, region.height))?;
        // Just the rows of the region: of planes with more, the converter takes the last for the last of
        // an odd number of rows.
        let rows = region.height as usize;
        let (luma, chroma) = (rows * self.width as usize, rows.div_ceil(2) * (self.width / 2) as usize);
        let [Some(y), Some(u), Some(v)] =
            [self.y.get_mut(..luma), self.u.get_mut(..chroma), self.v.get_mut(..chroma)]
        else {
            return Err(VideoError::Size(region.width, region.height));
        };
        let mut planes = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: self.width,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: self.width / 2,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: self.width / 2,
            width: region.width,
            height: region.height,
        };
        bgra_to_yuv420(
            &mut planes,
            bgrx,
            picture.stride() as u32,
            YuvRange::Limited,
            YuvStandardMatrix::Bt709,
            YuvConversionMode::Fast,
        )
        .map_err(|error| VideoError::Colours(error.to_string()))?;
        let (width, height) = (self.width as usize, self.height as usize);
        let (valid_width, valid_height) = (region.width as usize, region.height as usize);
        pad(&mut self.y, width, height, valid_width, valid_height);
        let (valid_width, valid_height) = (valid_width.div_ceil(2), valid_height.div_ceil(2));
        pad(&mut self.u, width / 2, height / 2, valid_width, valid_height);
        pad(&mut self.v, width / 2, height / 2, valid_width, valid_height);
        Ok(())
    }
}

/// Repeats the last valid column to the right and the last valid row downwards.
fn pad(plane: &mut [u8], width: usize, height: usize, valid_width: usize, valid_height: usize) {
    if valid_width < width {
        for row in plane.chunks_exact_mut(width).take(valid_height) {
            let (valid, padding) = row.split_at_mut(valid_width);
            padding.fill(valid.last().copied().unwrap_or_default());
        }
    }
    if let Some(last) = valid_height.checked_sub(1) {
        for row in valid_height..height {
            plane.copy_within(last * width..(last + 1) * width, row * width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn white_is_white_up_to_the_padding() {
        let mut picture = Picture::new(Size::new(70, 50));
        for y in 0..50 {
            picture.row_mut(0, y, 70).fill(255);
        }
        let mut planes = I420::covering(70, 50);
        assert_eq!(planes.size(), (80, 64));
        planes.convert(&picture, Rect::new(0, 0, 70, 50)).unwrap();
        let [y, u, v] = planes.planes();
        assert!(y.iter().all(|luma| (233..=236).contains(luma)), "limited range ends at 235");
        assert!(u.iter().chain(v).all(|chroma| (127..=129).contains(chroma)));
    }

    #[test]
    fn odd_sides_are_converted_to_their_last_pixel() {
        for (width, height) in [(71, 51), (70, 49), (33, 1), (1, 33), (1, 1), (64, 63)] {
            let mut picture = Picture::new(Size::new(width, height));
            for y in 0..height {
                picture.row_mut(0, y, width).fill(255);
            }
            let mut planes = I420::covering(width, height);
            planes.convert(&picture, Rect::new(0, 0, width, height)).unwrap();
            let [y, u, v] = planes.planes();
            assert!(y.iter().all(|luma| (233..=236).contains(luma)), "{width}x{height}");
            assert!(u.iter().chain(v).all(|chroma| (127..=129).contains(chroma)), "{width}x{height}");
        }
    }

    #[test]
    fn a_region_outside_is_refused() {
        let picture = Picture::new(Size::new(64, 64));
        let mut planes = I420::covering(64, 64);
        assert!(planes.convert(&picture, Rect::new(32, 32, 64, 64)).is_err());
        assert!(planes.convert(&picture, Rect::new(0, 0, 128, 64)).is_err());
    }
}
