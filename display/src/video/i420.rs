//! Conversion of a region of the framebuffer from BGRX to I420: a luma plane and two chroma planes of a
//! quarter of its size, BT.709 in limited range. Input of [`super::encoder`].

use super::VideoError;
use crate::framebuffer::Framebuffer;
use oriel_wire::Rect;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, bgra_to_yuv420,
};

/// I420 picture (BT.709, limited range) whose sides are multiples of 16 pixels, the size of a macroblock.
pub struct I420 {
    width: u32,
    height: u32,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl I420 {
    /// Creates a black picture of at least `width` by `height` pixels, rounded up to whole macroblocks.
    pub fn covering(width: u32, height: u32) -> Self {
        let mut planes = Self { width: 0, height: 0, y: Vec::new(), u: Vec::new(), v: Vec::new() };
        planes.reshape(width, height);
        planes
    }

    /// Changes the size, rounded up to whole macroblocks. New pixels are black; the earlier content is
    /// undefined afterwards.
    fn reshape(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width.next_multiple_of(16), height.next_multiple_of(16));
        let luma = self.width as usize * self.height as usize;
        self.y.resize(luma, 16);
        self.u.resize(luma / 4, 128);
        self.v.resize(luma / 4, 128);
    }

    /// Returns the width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Returns the luma plane (rows as long as the width) and the two chroma planes (rows half as long).
    pub fn planes(&self) -> [&[u8]; 3] {
        [&self.y, &self.u, &self.v]
    }

    /// Converts `region` of `framebuffer` into the upper left corner. Columns and rows missing to whole
    /// macroblocks repeat the last ones, which take few bits to encode.
    ///
    /// # Errors
    /// When the region is empty, lies outside of the framebuffer, or is larger than the picture.
    pub fn convert(&mut self, framebuffer: &Framebuffer, region: Rect) -> Result<(), VideoError> {
        if region.is_empty() || region.width > self.width || region.height > self.height {
            return Err(VideoError::Size(region.width, region.height));
        }
        let bgrx = framebuffer.strided(region).ok_or(VideoError::Size(region.width, region.height))?;
        // Only the rows of the region: with longer planes and an odd number of rows, the converter mistakes
        // the plane's last row for the region's.
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
            framebuffer.stride() as u32,
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

    /// Copies `part` to an even position (x, y); `None` when it does not fit there.
    fn paste(&mut self, part: &Self, x: usize, y: usize) -> Option<()> {
        let (to, from) = (self.width as usize, part.width as usize);
        paste(&mut self.y, to, &part.y, from, (x, y))?;
        paste(&mut self.u, to / 2, &part.u, from / 2, (x / 2, y / 2))?;
        paste(&mut self.v, to / 2, &part.v, from / 2, (x / 2, y / 2))
    }
}

/// I420 planes of a stream's region, of which only the changed parts are converted for each frame.
pub struct RegionPlanes {
    whole: I420,
    /// Buffer for the conversion of one part.
    part: I420,
}

impl RegionPlanes {
    /// Creates black planes for a region of `width` by `height` pixels.
    pub fn of(width: u32, height: u32) -> Self {
        Self { whole: I420::covering(width, height), part: I420::covering(0, 0) }
    }

    /// Returns the planes of the whole region.
    pub fn planes(&self) -> &I420 {
        &self.whole
    }

    /// Converts `parts` (whole tiles, or up to the region's edge) of `region` from `framebuffer`. Other parts
    /// keep their content, so the encoder sees no change there.
    ///
    /// # Errors
    /// When a part lies outside of the region or of the framebuffer.
    pub fn convert(
        &mut self,
        framebuffer: &Framebuffer,
        region: Rect,
        parts: &[Rect],
    ) -> Result<(), VideoError> {
        for part in parts {
            if *part == region {
                self.whole.convert(framebuffer, region)?;
                continue;
            }
            self.part.reshape(part.width, part.height);
            self.part.convert(framebuffer, *part)?;
            let offset = part.x.checked_sub(region.x).zip(part.y.checked_sub(region.y));
            offset
                .and_then(|(x, y)| self.whole.paste(&self.part, x as usize, y as usize))
                .ok_or(VideoError::Size(part.width, part.height))?;
        }
        Ok(())
    }
}

/// Copies the rows of `from` (each `width` bytes) into a plane at (x, y); `None` when they do not fit.
fn paste(to: &mut [u8], stride: usize, from: &[u8], width: usize, (x, y): (usize, usize)) -> Option<()> {
    let rows = to.chunks_exact_mut(stride).skip(y);
    if from.chunks_exact(width).len() > rows.len() {
        return None;
    }
    for (to, from) in rows.zip(from.chunks_exact(width)) {
        to.get_mut(x..x + width)?.copy_from_slice(from);
    }
    Some(())
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
    use oriel_wire::Size;

    #[test]
    fn white_is_white_up_to_the_padding() {
        let mut framebuffer = Framebuffer::new(Size::new(70, 50));
        for y in 0..50 {
            framebuffer.row_mut(0, y, 70).fill(255);
        }
        let mut planes = I420::covering(70, 50);
        assert_eq!(planes.size(), (80, 64));
        planes.convert(&framebuffer, Rect::new(0, 0, 70, 50)).unwrap();
        let [y, u, v] = planes.planes();
        assert!(y.iter().all(|luma| (233..=236).contains(luma)), "limited range ends at 235");
        assert!(u.iter().chain(v).all(|chroma| (127..=129).contains(chroma)));
    }

    #[test]
    fn odd_sides_are_converted_to_their_last_pixel() {
        for (width, height) in [(71, 51), (70, 49), (33, 1), (1, 33), (1, 1), (64, 63)] {
            let mut framebuffer = Framebuffer::new(Size::new(width, height));
            for y in 0..height {
                framebuffer.row_mut(0, y, width).fill(255);
            }
            let mut planes = I420::covering(width, height);
            planes.convert(&framebuffer, Rect::new(0, 0, width, height)).unwrap();
            let [y, u, v] = planes.planes();
            assert!(y.iter().all(|luma| (233..=236).contains(luma)), "{width}x{height}");
            assert!(u.iter().chain(v).all(|chroma| (127..=129).contains(chroma)), "{width}x{height}");
        }
    }

    #[test]
    fn parts_are_as_the_whole_and_the_rest_stays_as_it_was() {
        let mut framebuffer = Framebuffer::new(Size::new(200, 150));
        for y in 0..150 {
            for (x, pixel) in (0..).zip(framebuffer.row_mut(0, y, 200).chunks_exact_mut(4)) {
                pixel.copy_from_slice(&[x as u8, y as u8, (x + y) as u8, 255]);
            }
        }
        let region = Rect::new(64, 64, 136, 86);
        let mut whole = I420::covering(136, 86);
        whole.convert(&framebuffer, region).unwrap();
        let mut planes = RegionPlanes::of(136, 86);
        planes
            .convert(&framebuffer, region, &[Rect::new(192, 64, 8, 64), Rect::new(64, 128, 64, 22)])
            .unwrap();
        let [y, ..] = planes.planes().planes();
        assert_eq!((y[0], y[64 * 144 - 1]), (16, whole.y[64 * 144 - 1]));
        planes
            .convert(&framebuffer, region, &[Rect::new(64, 64, 128, 64), Rect::new(128, 128, 72, 22)])
            .unwrap();
        assert!(planes.planes().planes() == whole.planes());
        assert!(planes.convert(&framebuffer, region, &[Rect::new(0, 64, 64, 64)]).is_err());
        assert!(planes.convert(&framebuffer, region, &[Rect::new(64, 128, 136, 64)]).is_err());
    }

    #[test]
    fn a_region_outside_is_refused() {
        let framebuffer = Framebuffer::new(Size::new(64, 64));
        let mut planes = I420::covering(64, 64);
        assert!(planes.convert(&framebuffer, Rect::new(32, 32, 64, 64)).is_err());
        assert!(planes.convert(&framebuffer, Rect::new(0, 0, 128, 64)).is_err());
    }
}
