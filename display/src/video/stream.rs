//! One video stream: a region, its encoder and its buffers.
//!
//! Created by [`super::streams`] when motion begins and dropped when it ends. Its updates are decoded by
//! [`super::VideoDecoder`].

use super::RateControl;
use super::encoder::Encoder;
use super::i420::RegionPlanes;
use super::region::Region;
use super::{MAX_LONG_SIDE, MAX_SHORT_SIDE, VideoError};
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::{Rect, VideoUpdate};
use std::time::{Duration, Instant};

/// Age of a picture after which prediction from it saves little; at twelve pictures a second it still saves
/// much.
const OLD: Duration = Duration::from_millis(150);

/// Video stream that the client decodes with a decoder of its own.
pub struct VideoStream {
    /// Number of the client's decoder, 0 to 3.
    number: u8,
    region: Region,
    encoder: Encoder,
    planes: RegionPlanes,
    /// Tiles (ascending) that the client took from the last picture.
    taken: Vec<usize>,
    /// Time of the last picture, or of creation.
    last_used: Instant,
}

/// Reports whether the codec supports a region of this size.
pub fn fits_codec(rect: Rect) -> bool {
    let (width, height) = (rect.width.next_multiple_of(16), rect.height.next_multiple_of(16));
    width.max(height) <= MAX_LONG_SIDE && width.min(height) <= MAX_SHORT_SIDE && !rect.is_empty()
}

impl VideoStream {
    /// Creates a stream over `rect` (whole tiles) for the client's decoder `number`.
    ///
    /// # Errors
    /// When the codec does not support the size, or memory is short.
    pub fn new(number: u8, rect: Rect, now: Instant) -> Result<Self, VideoError> {
        let planes = RegionPlanes::of(rect.width, rect.height);
        let (width, height) = planes.planes().size();
        Ok(Self {
            number,
            region: Region::new(rect, now),
            encoder: Encoder::new(width, height)?,
            planes,
            taken: Vec::new(),
            last_used: now,
        })
    }

    /// Returns the time of the last picture, or of creation if there is none.
    pub fn last_used(&self) -> Instant {
        self.last_used
    }

    /// Returns the region, which records the tiles in motion.
    pub fn region(&mut self) -> &mut Region {
        &mut self.region
    }

    /// Returns the rectangle that the stream covers, in pixels.
    pub fn rect(&self) -> Rect {
        self.region.rect()
    }

    /// Reports whether a tile will take as many bytes as in a key frame: the last picture lacks the tile, is
    /// old, or does not exist.
    pub fn is_fresh(&self, tile: usize, now: Instant) -> bool {
        let old = now.duration_since(self.last_used) > OLD;
        self.encoder.is_new() || old || self.taken.binary_search(&tile).is_err()
    }

    /// Encodes `tiles` (ascending) of the region with a budget of `bytes`, exceeded by little as far as
    /// `rate_control` permits. Other tiles of the region keep their last content; the client takes only
    /// `tiles`.
    ///
    /// # Errors
    /// When the conversion of colours or the codec fails; drop the stream then.
    pub fn encode(
        &mut self,
        framebuffer: &Framebuffer,
        tiles: Vec<usize>,
        bytes: usize,
        rate_control: &mut RateControl,
        now: Instant,
    ) -> Result<VideoUpdate, VideoError> {
        let (region, grid) = (self.region.rect(), Grid::new(framebuffer.size()));
        let take = grid.cover(tiles.iter().copied());
        self.planes.convert(framebuffer, region, &take)?;
        let planes = self.planes.planes();
        let key = self.encoder.is_new();
        let fresh = tiles.iter().filter(|tile| self.is_fresh(**tile, now));
        let fresh: u32 = fresh.map(|tile| grid.rect(*tile)).map(|rect| rect.width * rect.height).sum();
        let mut data = Vec::new();
        if key {
            let mut quantizer = rate_control.of_key(fresh, bytes);
            self.encoder.set_quantizer(quantizer)?;
            self.encoder.encode(planes, &mut data)?;
            // Each attempt is coarser by at least two steps, so there are few.
            while let Some(coarser) = rate_control.coded_key(quantizer, fresh, data.len(), bytes) {
                quantizer = coarser;
                data.clear();
                self.encoder.force_key_frame()?;
                self.encoder.set_quantizer(quantizer)?;
                self.encoder.encode(planes, &mut data)?;
            }
        } else {
            rate_control.expect_fresh(fresh, bytes);
            self.encoder.set_quantizer(rate_control.of_delta())?;
            self.encoder.encode(planes, &mut data)?;
            rate_control.coded_delta(data.len(), bytes);
        }
        self.taken = tiles;
        self.last_used = now;
        Ok(VideoUpdate { stream: self.number, key, region, take, data })
    }
}
