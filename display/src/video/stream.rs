//! One video stream: a region, its encoder and its buffers; made when motion begins, dropped when
//! it ends.

use super::encoder::Encoder;
use super::i420::I420;
use super::region::Region;
use super::{MAX_LONG_SIDE, MAX_SHORT_SIDE, VideoError};
use crate::geometry::Rect;
use crate::picture::Picture;
use crate::protocol::VideoUpdate;
use crate::quality::Quality;
use std::time::Instant;

/// A stream that the client decodes with a decoder of its own.
pub struct VideoStream {
    number: u8,
    region: Region,
    encoder: Encoder,
    planes: I420,
    last_used: Instant,
}

/// Whether a region can be coded.
pub fn fits_codec(rect: Rect) -> bool {
    let (width, height) = (rect.width.next_multiple_of(16), rect.height.next_multiple_of(16));
    width.max(height) <= MAX_LONG_SIDE && width.min(height) <= MAX_SHORT_SIDE && !rect.is_empty()
}

impl VideoStream {
    /// A stream over `rect` (whole tiles) for decoder `number`.
    ///
    /// # Errors
    /// When the region cannot be coded or memory is short.
    pub fn new(number: u8, rect: Rect, now: Instant) -> Result<Self, VideoError> {
        let planes = I420::covering(rect.width, rect.height);
        let (width, height) = planes.size();
        Ok(Self {
            number,
            region: Region::new(rect, now),
            encoder: Encoder::new(width, height)?,
            planes,
            last_used: now,
        })
    }

    /// When it last coded a picture.
    pub fn last_used(&self) -> Instant {
        self.last_used
    }

    /// What it covers, and the history of that.
    pub fn region(&mut self) -> &mut Region {
        &mut self.region
    }

    /// What it covers.
    pub fn rect(&self) -> Rect {
        self.region.rect()
    }

    /// Codes the region of `picture` as it is now, in `bytes` or not many more as far as `quality`
    /// allows; the client takes `take` from it.
    ///
    /// # Errors
    /// When the codec fails; the stream is of no further use then.
    pub fn encode(
        &mut self,
        picture: &Picture,
        take: Vec<Rect>,
        bytes: usize,
        quality: &mut Quality,
        now: Instant,
    ) -> Result<VideoUpdate, VideoError> {
        let region = self.region.rect();
        self.planes.convert(picture, region)?;
        let mut data = Vec::new();
        let key = self.encoder.is_new();
        if key {
            let pixels = region.width * region.height;
            let mut quantizer = quality.of_key(pixels, bytes);
            self.encoder.set_quantizer(quantizer)?;
            self.encoder.encode(&self.planes, &mut data)?;
            // Each time coarser, so a few times at most.
            while let Some(coarser) = quality.coded_key(quantizer, pixels, data.len(), bytes) {
                quantizer = coarser;
                data.clear();
                self.encoder.begin_anew()?;
                self.encoder.set_quantizer(quantizer)?;
                self.encoder.encode(&self.planes, &mut data)?;
            }
        } else {
            self.encoder.set_quantizer(quality.of_delta())?;
            self.encoder.encode(&self.planes, &mut data)?;
            quality.coded_delta(data.len(), bytes);
        }
        self.last_used = now;
        Ok(VideoUpdate { stream: self.number, key, region, take, data })
    }
}
