//! Video stage: encodes tiles in motion with H.264 within the frame's budget of video.

use super::frame::{FrameContext, Region};
use super::frame_budget::FrameBudget;
use crate::video::streams::VideoBudget;
use crate::video::{RateControl, VideoStreams};
use oriel_wire::Update;
use std::time::Instant;

/// Video stage of one composer: streams and their rate control.
#[derive(Default)]
pub struct VideoStage {
    streams: VideoStreams,
    rate_control: RateControl,
    /// True if the last frame's video was not at the finest quantizer.
    coarse: bool,
}

impl VideoStage {
    /// Drops all streams: the next picture of each region is a key frame.
    pub fn clear(&mut self) {
        self.streams.clear();
    }

    /// Drops streams that were unused for two seconds.
    pub fn tidy(&mut self, now: Instant) {
        self.streams.tidy(now);
    }

    /// Returns the time at which [`Self::tidy`] will drop a stream; `None` without streams.
    pub fn next_due(&self) -> Option<Instant> {
        self.streams.next_due()
    }

    /// Reports whether the last frame's video was coarser than the finest quantizer.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Returns the number of leading `regions` that fit into a key frame within the budget at the coarsest
    /// quantizer.
    pub fn regions_that_fit(&self, regions: &[Region], budget: &FrameBudget) -> usize {
        let most = self.rate_control.most_tiles(budget.for_video());
        let mut tiles = 0_usize;
        let fits = |region: &&Region| {
            tiles += region.tiles.len();
            tiles <= most
        };
        regions.iter().take_while(fits).count()
    }

    /// Encodes tiles (ascending) as updates of the frame, and returns those that failed or had no room. With
    /// `always` the streams cover the whole screen and no tile is left out for its size.
    pub fn encode(&mut self, tiles: &[usize], always: bool, frame: &mut FrameContext<'_>) -> Vec<usize> {
        let finest = self.rate_control.is_finest();
        let bytes = frame.budget.for_video();
        let (most, fresh) = if always {
            (usize::MAX, usize::MAX)
        } else {
            (bytes.saturating_mul(2), self.rate_control.most_tiles(bytes))
        };
        let rate_control = &mut self.rate_control;
        let budget = VideoBudget { bytes, most, fresh, pointer: frame.pointer, rate_control };
        let coded = if always {
            self.streams.encode_of_all(frame.framebuffer, tiles, budget, frame.now)
        } else {
            self.streams.encode(frame.framebuffer, tiles, budget, frame.now)
        };
        frame.budget.video(coded.updates.iter().map(|update| update.data.len()).sum());
        self.coarse = !(finest && self.rate_control.is_finest());
        for tile in tiles.iter().filter(|tile| coded.left.binary_search(tile).is_err()) {
            frame.composed.video_tiles += 1;
            frame.history.sent_as_video(*tile, frame.now);
        }
        frame.composed.updates.extend(coded.updates.into_iter().map(Update::Video));
        coded.left
    }
}
