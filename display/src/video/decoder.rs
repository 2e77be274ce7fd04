//! Decoder of a video stream, the client's side of [`super::VideoStream`]: H.264 access units in, RGBA out.

use super::VideoError;
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgba};

/// H.264 decoder with the picture that was decoded last.
pub struct VideoDecoder {
    decoder: Decoder,
    /// Pixels of the last picture row by row, four bytes each: red, green, blue, alpha.
    rgba: Vec<u8>,
    width: u32,
    height: u32,
}

impl VideoDecoder {
    /// Creates a decoder that has no picture until a key frame is decoded.
    ///
    /// # Errors
    /// When openh264 cannot create a decoder, for lack of memory.
    pub fn new() -> Result<Self, VideoError> {
        let decoder = Decoder::new().map_err(|_| VideoError::Codec { doing: "create a decoder", code: 0 })?;
        Ok(Self { decoder, rgba: Vec::new(), width: 0, height: 0 })
    }

    /// Decodes one access unit and replaces the picture.
    ///
    /// # Errors
    /// When the access unit is malformed or produces no picture, or its colours cannot be converted.
    pub fn decode(&mut self, unit: &[u8]) -> Result<(), VideoError> {
        let picture = self.decoder.decode(unit).map_err(|_| VideoError::NoPicture)?;
        let picture = picture.ok_or(VideoError::NoPicture)?;
        let (width, height) = picture.dimensions();
        let (y_stride, u_stride, v_stride) = picture.strides();
        let narrow = |value: usize| u32::try_from(value).map_err(|_| VideoError::NoPicture);
        (self.width, self.height) = (narrow(width)?, narrow(height)?);
        let planes = YuvPlanarImage {
            y_plane: picture.y(),
            y_stride: narrow(y_stride)?,
            u_plane: picture.u(),
            u_stride: narrow(u_stride)?,
            v_plane: picture.v(),
            v_stride: narrow(v_stride)?,
            width: self.width,
            height: self.height,
        };
        self.rgba.resize(width * height * 4, 0);
        yuv420_to_rgba(&planes, &mut self.rgba, self.width * 4, YuvRange::Limited, YuvStandardMatrix::Bt709)
            .map_err(|error| VideoError::Colours(error.to_string()))
    }

    /// Returns `width` pixels (RGBA, four bytes each) of row `y` from column `x`; empty when they lie outside
    /// of the picture.
    pub fn row(&self, x: u32, y: u32, width: u32) -> &[u8] {
        if u64::from(x) + u64::from(width) > u64::from(self.width) || y >= self.height {
            return &[];
        }
        let start = (y as usize * self.width as usize + x as usize) * 4;
        self.rgba.get(start..start + width as usize * 4).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::VideoStream;
    use super::*;
    use crate::framebuffer::Framebuffer;
    use crate::tiles::Grid;
    use crate::video::RateControl;
    use oriel_wire::{Rect, Size};
    use std::time::Instant;

    fn gradient(size: Size, phase: u32) -> Framebuffer {
        let mut picture = Framebuffer::new(size);
        for y in 0..size.height {
            for (x, pixel) in (0..).zip(picture.row_mut(0, y, size.width).chunks_exact_mut(4)) {
                pixel.copy_from_slice(&[(x + phase) as u8 / 2 + 40, (y / 2) as u8, ((x + y) / 4) as u8, 0]);
            }
        }
        picture
    }

    #[test]
    fn a_region_at_the_edge_comes_back_in_its_colours() {
        let size = Size::new(250, 170);
        let region = Rect::new(64, 64, 186, 106);
        let now = Instant::now();
        let mut stream = VideoStream::new(0, region, now).unwrap();
        let mut decoder = VideoDecoder::new().unwrap();
        let mut rate_control = RateControl::default();
        for phase in 0..5 {
            let picture = gradient(size, phase);
            let tiles = Grid::new(size).touched(&region).collect();
            let update = stream.encode(&picture, tiles, usize::MAX, &mut rate_control, now).unwrap();
            assert_eq!((update.take, update.region), (vec![region], region));
            assert_eq!(update.key, phase == 0, "one key frame, at the start");
            decoder.decode(&update.data).unwrap();
            let mut error = 0u64;
            for y in 0..region.height {
                let want = picture.row(region.x, region.y + y, region.width);
                let got = decoder.row(0, y, region.width);
                for (want, got) in want.chunks(4).zip(got.chunks(4)) {
                    error += (0..3).map(|c| u64::from(want[2 - c].abs_diff(got[c])).pow(2)).sum::<u64>();
                }
            }
            let mean = error as f64 / f64::from(region.width * region.height * 3);
            assert!(mean < 20.0, "PSNR under 35 dB: mean square error {mean}");
        }
    }

    #[test]
    fn only_requested_tiles_are_encoded() {
        let size = Size::new(256, 256);
        let (grid, now) = (Grid::new(size), Instant::now());
        let mut stream = VideoStream::new(0, size.bounds(), now).unwrap();
        let mut rate_control = RateControl::default();
        let mut coded = |phase, tiles: &[usize]| {
            let tiles = tiles.to_vec();
            stream.encode(&gradient(size, phase), tiles, usize::MAX, &mut rate_control, now).unwrap().data
        };
        let mut decoder = VideoDecoder::new().unwrap();
        decoder.decode(&coded(0, &[0])).unwrap();
        let middle = |decoder: &VideoDecoder, tile| {
            let rect: Rect = grid.rect(tile);
            decoder.row(rect.x + 32, rect.y + 32, 1)[..3].to_vec()
        };
        assert_eq!(middle(&decoder, 5), [0, 0, 0], "the tile was not requested");
        decoder.decode(&coded(0, &Vec::from_iter(0..16))).unwrap();
        let before = middle(&decoder, 15);
        let one = coded(90, &[5]);
        decoder.decode(&one).unwrap();
        let moved = middle(&decoder, 15).iter().zip(&before).map(|(now, then)| now.abs_diff(*then)).max();
        assert!(moved.is_some_and(|moved| moved < 8), "{moved:?}");
        assert!(one.len() * 4 < coded(180, &Vec::from_iter(0..16)).len(), "the rest costs next to nothing");
    }

    #[test]
    fn garbage_gives_no_picture() {
        let mut decoder = VideoDecoder::new().unwrap();
        assert!(decoder.decode(&[]).is_err());
        assert!(decoder.decode(&[0, 0, 0, 1, 0x65, 1, 2, 3]).is_err());
        assert!(decoder.row(0, 0, 1).is_empty());
    }
}
