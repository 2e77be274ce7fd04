//! Budget of a frame's bytes, with a prediction of the compressed size of what is gathered before
//! compression.

use crate::tiles::distance_squared;
use oriel_wire::Rect;
use std::cmp::Reverse;

/// Largest number of pixels of a small change, such as the echo of a key; small changes come before larger
/// ones.
const SMALL: u32 = 2048;

/// Assumed ratio of compressed to raw bytes for tiles of few colours, until it is measured …
const FLAT: f32 = 0.5;

/// … and for tiles of many colours.
const TRUE_COLOUR: f32 = 0.8;

/// Weight of a new measurement of a ratio against the old value.
const WEIGHT: f32 = 0.3;

/// Byte limits for a frame, as the line permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Approximate limit of the next frame in bytes.
    pub frame: usize,
    /// Limit of video in a frame in bytes, stable while the line is.
    pub motion: usize,
}

impl Allowance {
    /// Limits of a line without limits.
    pub const ALL: Self = Self { frame: usize::MAX, motion: usize::MAX };

    /// Returns the smaller of both limits, for frames that two lines share.
    pub fn least(self, other: Self) -> Self {
        Self { frame: self.frame.min(other.frame), motion: self.motion.min(other.motion) }
    }
}

/// Bytes used and predicted in the present frame, and the measured ratios.
#[derive(Debug)]
pub struct FrameBudget {
    allowed: Allowance,
    /// Bytes of video in the frame.
    video: usize,
    /// Bytes of few colours before compression.
    flat_raw: usize,
    /// Bytes of many colours before compression.
    true_colour_raw: usize,
    /// Ratio of compressed to raw bytes for few colours.
    flat_ratio: f32,
    /// Ratio of compressed to raw bytes for many colours.
    true_colour_ratio: f32,
}

impl Default for FrameBudget {
    /// Creates a budget without limits.
    fn default() -> Self {
        Self {
            allowed: Allowance::ALL,
            video: 0,
            flat_raw: 0,
            true_colour_raw: 0,
            flat_ratio: FLAT,
            true_colour_ratio: TRUE_COLOUR,
        }
    }
}

impl FrameBudget {
    /// Sets the limits of the frames that follow.
    pub fn allow(&mut self, allowed: Allowance) {
        self.allowed = allowed;
    }

    /// Begins a new frame: nothing is used.
    pub fn begin(&mut self) {
        self.video = 0;
        self.flat_raw = 0;
        self.true_colour_raw = 0;
    }

    /// Reports whether one byte for each of `pixels` would exceed the frame's limit.
    pub fn is_tight_for(&self, pixels: u64) -> bool {
        pixels > self.allowed.frame as u64
    }

    /// Adds raw bytes of tiles of few colours.
    pub fn flat(&mut self, raw: usize) {
        self.flat_raw += raw;
    }

    /// Adds raw bytes of tiles of many colours.
    pub fn true_colour(&mut self, raw: usize) {
        self.true_colour_raw += raw;
    }

    /// Adds bytes of video.
    pub fn video(&mut self, bytes: usize) {
        self.video += bytes;
    }

    /// Reports whether the frame has room for a new change.
    pub fn has_room(&self) -> bool {
        self.exact().saturating_add(self.video) < self.allowed.frame
    }

    /// Reports whether the frame has room for a postponed change or refinement, which get an eighth of the
    /// limit regardless of video.
    pub fn has_room_beside(&self) -> bool {
        self.has_room() || self.exact() < self.allowed.frame / 8
    }

    /// Returns the limit of video in bytes. It does not depend on what the frame has used, since the quality
    /// would fluctuate.
    pub fn for_video(&self) -> usize {
        self.allowed.motion
    }

    /// Records the compressed size of the frame's tiles, and adjusts the ratios by the error of the
    /// prediction.
    pub fn compressed(&mut self, bytes: usize) {
        let predicted = self.exact();
        if predicted == 0 {
            return;
        }
        let wrong = bytes as f32 / predicted as f32;
        let raw = (self.flat_raw + self.true_colour_raw) as f32;
        let learn = |ratio: &mut f32, share: f32| {
            *ratio *= 1.0 + (wrong - 1.0) * WEIGHT * share;
            *ratio = ratio.clamp(0.01, 1.0);
        };
        learn(&mut self.flat_ratio, self.flat_raw as f32 / raw);
        learn(&mut self.true_colour_ratio, self.true_colour_raw as f32 / raw);
    }

    /// Returns the predicted compressed size of the frame's tiles in bytes.
    fn exact(&self) -> usize {
        let flat = self.flat_raw as f32 * self.flat_ratio;
        let true_colour = self.true_colour_raw as f32 * self.true_colour_ratio;
        (flat + true_colour) as usize
    }
}

/// Returns a sort key for changes that do not all fit: small before large, then by distance to the pointer.
pub fn urgency(rect: Rect, pointer: (u32, u32)) -> impl Ord {
    let small = rect.width.saturating_mul(rect.height) <= SMALL;
    (Reverse(small), distance_squared(rect, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_follow_what_compression_leaves() {
        let mut budget = FrameBudget::default();
        budget.allow(Allowance { frame: 1000, motion: 1000 });
        let mut fitted = 0;
        for _ in 0..20 {
            budget.begin();
            fitted = 0;
            while budget.has_room() {
                budget.flat(100);
                fitted += 100;
            }
            budget.compressed(fitted / 10);
        }
        assert!((8_000..12_000).contains(&fitted), "{fitted}");
        budget.begin();
        budget.true_colour(1300);
        assert!(!budget.has_room(), "one kind says nothing of the other");
    }

    #[test]
    fn what_waited_has_a_little_beside_whatever_video() {
        let mut budget = FrameBudget::default();
        budget.allow(Allowance { frame: 8000, motion: 6000 });
        budget.begin();
        budget.video(9000);
        assert!(!budget.has_room() && budget.has_room_beside());
        budget.flat(2001);
        assert!(!budget.has_room_beside(), "but not more");
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let mut budget = FrameBudget::default();
        budget.flat(usize::MAX / 4);
        assert!(budget.has_room() && !budget.is_tight_for(u64::from(u32::MAX)));
        assert!(budget.for_video() > usize::MAX / 4);
    }

    #[test]
    fn a_letter_goes_before_a_page_and_the_near_before_the_far() {
        let mut rects = [Rect::new(0, 0, 64, 64), Rect::new(500, 500, 64, 64), Rect::new(900, 900, 9, 16)];
        rects.sort_by_key(|rect| urgency(*rect, (510, 510)));
        assert_eq!(rects.map(|rect| rect.x), [900, 500, 0]);
    }
}
