//! Client-side picture: applies received frames to RGBA pixels, as a browser does.
//!
//! Used by [`crate::client`], tests, benchmarks and the tool that takes a screenshot. It opens no connection
//! and draws no cursor.

use crate::framebuffer::Framebuffer;
use crate::lossless::{self, LosslessError};
use crate::tile_hashes::tile_hashes;
use crate::video::{VideoDecoder, VideoError};
use oriel_wire::{Frame, Rect, Size, TileHashes, Update, VideoUpdate};

/// Largest number of pixels of a canvas: two pictures of 8192 by 4096.
const MAX_PIXELS: u64 = 64 * 1024 * 1024;

/// Error of [`Canvas::apply`]: the frame does not fit the canvas or is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanvasError {
    /// The frame's size (width, height in pixels) differs from the canvas without `whole`, or exceeds 64 Mi
    /// pixels.
    #[error("a frame for a screen of {0} by {1} pixels that the canvas does not have")]
    Size(u32, u32),
    /// A rectangle of an update reaches beyond the screen or, for video, beyond the decoded picture.
    #[error("an update beyond the screen's edge")]
    Outside,
    /// A lossless update is malformed.
    #[error(transparent)]
    Lossless(#[from] LosslessError),
    /// A video update cannot be decoded.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// A video update names a stream that had no key frame yet, or a stream number above 3.
    #[error("a video update without a key frame before it")]
    NoKeyFrame,
}

/// Pixels that a client shows, with the decoders of up to four video streams.
#[derive(Default)]
pub struct Canvas {
    size: Size,
    /// Pixels row by row, four bytes each: red, green, blue, 255.
    rgba: Vec<u8>,
    /// Decoder of each video stream by its number; `None` before the stream's first key frame.
    streams: [Option<Box<VideoDecoder>>; 4],
}

impl Canvas {
    /// Creates an empty canvas; the first frame sets its size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the pixels row by row, four bytes each: red, green, blue, 255.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// Returns red, green and blue of the pixel at column `x` and row `y`; `None` outside the canvas.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        match self.row(x, y, 1) {
            [red, green, blue, _] => Some([*red, *green, *blue]),
            _ => None,
        }
    }

    /// Computes the hashes of the canvas's tiles, comparable with the server's [`TileHashes`].
    pub fn hashes(&self) -> TileHashes {
        let mut framebuffer = Framebuffer::new(self.size);
        for y in 0..self.size.height {
            let row = framebuffer.row_mut(0, y, self.size.width).as_chunks_mut::<4>().0;
            for (to, [red, green, blue, _]) in
                row.iter_mut().zip(self.row(0, y, self.size.width).as_chunks().0)
            {
                *to = [*blue, *green, *red, 0];
            }
        }
        tile_hashes(&framebuffer)
    }

    /// Applies a frame's updates in order. A frame with `whole` set first replaces the canvas by a black one.
    ///
    /// # Errors
    /// When an update cannot be applied; the updates before it have been applied already.
    pub fn apply(&mut self, frame: &Frame) -> Result<(), CanvasError> {
        let size = frame.header.size;
        if frame.header.whole {
            if u64::from(size.width) * u64::from(size.height) > MAX_PIXELS {
                return Err(CanvasError::Size(size.width, size.height));
            }
            *self = Self { size, ..Self::default() };
            self.rgba.resize(size.width as usize * size.height as usize * 4, 0);
            self.rgba.chunks_exact_mut(4).for_each(|pixel| pixel.copy_from_slice(&[0, 0, 0, 255]));
        } else if size != self.size {
            return Err(CanvasError::Size(size.width, size.height));
        }
        frame.updates.iter().try_for_each(|update| match update {
            Update::Copy { src_x, src_y, to } => self.copy(*src_x, *src_y, *to),
            Update::Exact { raw_length, zstd } => self.exact(*raw_length, zstd),
            Update::Video(video) => self.video(video),
        })
    }

    /// Moves a rectangle within the canvas; source and destination may overlap.
    fn copy(&mut self, src_x: u32, src_y: u32, to: Rect) -> Result<(), CanvasError> {
        self.check(Rect::new(src_x, src_y, to.width, to.height))?;
        self.check(to)?;
        let mut rows: Vec<u32> = (0..to.height).collect();
        if src_y < to.y {
            rows.reverse();
        }
        for row in rows {
            let from = self.offset(src_x, src_y + row);
            let into = self.offset(to.x, to.y + row);
            self.rgba.copy_within(from..from + to.width as usize * 4, into);
        }
        Ok(())
    }

    /// Applies a lossless update: `zstd` decompresses to `raw_length` bytes.
    fn exact(&mut self, raw_length: u32, zstd: &[u8]) -> Result<(), CanvasError> {
        let raw = lossless::unpack(raw_length, zstd)?;
        let mut outside = Ok(());
        lossless::decode(&raw, |rect, pixels| {
            if let Err(error) = self.check(rect) {
                outside = Err(error);
                return;
            }
            for (y, pixels) in (rect.y..).zip(pixels.chunks(rect.width as usize)) {
                let row = self.row_mut(rect.x, y, rect.width);
                for (out, pixel) in row.chunks_exact_mut(4).zip(pixels) {
                    out[..3].copy_from_slice(pixel);
                }
            }
        })?;
        outside
    }

    /// Decodes a video update and copies its `take` rectangles into the canvas.
    fn video(&mut self, video: &VideoUpdate) -> Result<(), CanvasError> {
        let stream = self.streams.get_mut(usize::from(video.stream)).ok_or(CanvasError::NoKeyFrame)?;
        if video.key {
            *stream = Some(Box::new(VideoDecoder::new()?));
        }
        let mut decoder = stream.take().ok_or(CanvasError::NoKeyFrame)?;
        decoder.decode(&video.data)?;
        for rect in &video.take {
            self.check(*rect)?;
            let (Some(x), Some(y)) = (rect.x.checked_sub(video.region.x), rect.y.checked_sub(video.region.y))
            else {
                return Err(CanvasError::Outside);
            };
            for row in 0..rect.height {
                let decoded = decoder.row(x, y + row, rect.width);
                if decoded.is_empty() {
                    return Err(CanvasError::Outside);
                }
                self.row_mut(rect.x, rect.y + row, rect.width).copy_from_slice(decoded);
            }
        }
        if let Some(stream) = self.streams.get_mut(usize::from(video.stream)) {
            *stream = Some(decoder);
        }
        Ok(())
    }

    /// Checks that a rectangle is not empty and lies within the canvas.
    fn check(&self, rect: Rect) -> Result<(), CanvasError> {
        let inside = !rect.is_empty() && rect.right() <= self.size.width && rect.bottom() <= self.size.height;
        if inside { Ok(()) } else { Err(CanvasError::Outside) }
    }

    /// Returns the index of a pixel's first byte.
    fn offset(&self, x: u32, y: u32) -> usize {
        (y as usize * self.size.width as usize + x as usize) * 4
    }

    /// Returns `width` pixels of row `y` from column `x`; empty outside the canvas.
    fn row(&self, x: u32, y: u32, width: u32) -> &[u8] {
        if x >= self.size.width || y >= self.size.height {
            return &[];
        }
        let start = self.offset(x, y);
        self.rgba.get(start..start + width as usize * 4).unwrap_or_default()
    }

    /// As [`Self::row`], mutably; the caller has checked the rectangle.
    fn row_mut(&mut self, x: u32, y: u32, width: u32) -> &mut [u8] {
        let start = self.offset(x, y);
        self.rgba.get_mut(start..start + width as usize * 4).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_wire::FrameHeader;

    fn frame(whole: bool, updates: Vec<Update>) -> Frame {
        Frame { header: FrameHeader { size: Size::new(4, 4), whole, ..FrameHeader::default() }, updates }
    }

    #[test]
    fn copies_that_overlap_move_the_pixels_as_they_were() {
        let mut canvas = Canvas::new();
        canvas.apply(&frame(true, vec![])).unwrap();
        for y in 0..4 {
            canvas.row_mut(0, y, 4).fill(y as u8);
        }
        let copied_down = Update::Copy { src_x: 0, src_y: 0, to: Rect::new(0, 1, 4, 3) };
        canvas.apply(&frame(false, vec![copied_down])).unwrap();
        let rows: Vec<u8> = (0..4).map(|y| canvas.pixel(0, y).unwrap()[0]).collect();
        assert_eq!(rows, [0, 0, 1, 2]);
        let copied_up = Update::Copy { src_x: 0, src_y: 1, to: Rect::new(0, 0, 4, 3) };
        canvas.apply(&frame(false, vec![copied_up])).unwrap();
        let rows: Vec<u8> = (0..4).map(|y| canvas.pixel(0, y).unwrap()[0]).collect();
        assert_eq!(rows, [0, 1, 2, 2]);
    }

    #[test]
    fn updates_outside_the_canvas_are_refused() {
        let mut canvas = Canvas::new();
        canvas.apply(&frame(true, vec![])).unwrap();
        let outside = Update::Copy { src_x: 1, src_y: 0, to: Rect::new(0, 0, 4, 4) };
        assert_eq!(canvas.apply(&frame(false, vec![outside])), Err(CanvasError::Outside));
        let mut other = frame(false, vec![]);
        other.header.size = Size::new(5, 4);
        assert_eq!(canvas.apply(&other), Err(CanvasError::Size(5, 4)));
    }
}
