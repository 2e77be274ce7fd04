//! One video stream: a region, its encoder and its buffers; made when motion begins, dropped when
//! it ends.

use super::RateControl;
use super::encoder::Encoder;
use super::i420::RegionPlanes;
use super::region::Region;
use super::{MAX_LONG_SIDE, MAX_SHORT_SIDE, VideoError};
use crate::framebuffer::Framebuffer;
use crate::tiles::Grid;
use oriel_wire::{Rect, VideoUpdate};
use std::time::{Duration, Instant};

/// After so long what moves has little in common with what it was; at twelve pictures a second it still has.
const OLD: Duration = Duration::from_millis(150);

/// A stream that the client decodes with a decoder of its own.
pub struct VideoStream {
    number: u8,
    region: Region,
    encoder: Encoder,
    planes: RegionPlanes,
    /// What the client took from the picture before.
    taken: Vec<usize>,
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

    /// Whether the picture before lacks the tile, or is old: it is as large as in a key frame then.
    pub fn is_fresh(&self, tile: usize, now: Instant) -> bool {
        let old = now.duration_since(self.last_used) > OLD;
        self.encoder.is_new() || old || self.taken.binary_search(&tile).is_err()
    }

    /// Codes `tiles` (ascending) of the region, which the client takes from it, in `bytes` or not many
    /// more as far as `quality` allows. What else the region shows stays as it was.
    ///
    /// # Errors
    /// When the codec fails; the stream is of no further use then.
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
            // Each time coarser, so a few times at most.
            while let Some(coarser) = rate_control.coded_key(quantizer, fresh, data.len(), bytes) {
                quantizer = coarser;
                data.clear();
                self.encoder.begin_anew()?;
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
