//! How many bytes a frame may have, and how far what is put into it will reach.

use crate::tiles::distance_squared;
use oriel_wire::Rect;
use std::cmp::Reverse;

/// Changes up to so many pixels are what an input did: they go before larger ones.
const SMALL: u32 = 2048;

/// zstd leaves about so much of tiles with few colours, until their own figure is known …
const FLAT: f32 = 0.5;

/// … and of tiles with many.
const TRUE_COLOUR: f32 = 0.8;

/// How fast a new figure replaces the old one.
const WEIGHT: f32 = 0.3;

/// What a line has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of the next frame, about.
    pub frame: usize,
    /// Bytes of video in a frame, as long as the line stays as it is.
    pub motion: usize,
}

impl Allowance {
    /// As much as there is to send.
    pub const ALL: Self = Self { frame: usize::MAX, motion: usize::MAX };

    /// What both of two lines have room for.
    pub fn least(self, other: Self) -> Self {
        Self { frame: self.frame.min(other.frame), motion: self.motion.min(other.motion) }
    }
}

/// A frame's bytes, and what is predicted of those that are not compressed yet.
#[derive(Debug)]
pub struct FrameBudget {
    allowed: Allowance,
    video: usize,
    flat_raw: usize,
    true_colour_raw: usize,
    flat_ratio: f32,
    true_colour_ratio: f32,
}

impl Default for FrameBudget {
    /// As much as there is to send.
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
    /// Frames have so much from now on.
    pub fn allow(&mut self, allowed: Allowance) {
        self.allowed = allowed;
    }

    /// A new frame begins.
    pub fn begin(&mut self) {
        self.video = 0;
        self.flat_raw = 0;
        self.true_colour_raw = 0;
    }

    /// Whether more than one byte a pixel of such an area might be too much.
    pub fn is_tight_for(&self, pixels: u64) -> bool {
        pixels > self.allowed.frame as u64
    }

    /// So many bytes with few colours wait to be compressed.
    pub fn flat(&mut self, raw: usize) {
        self.flat_raw += raw;
    }

    /// So many bytes with many colours wait to be compressed.
    pub fn true_colour(&mut self, raw: usize) {
        self.true_colour_raw += raw;
    }

    /// Video took so many bytes.
    pub fn video(&mut self, bytes: usize) {
        self.video += bytes;
    }

    /// Whether there is room for something that just changed.
    pub fn has_room(&self) -> bool {
        self.exact().saturating_add(self.video) < self.allowed.frame
    }

    /// Whether there is room for something that has waited: a little always, beside whatever video.
    pub fn has_room_beside(&self) -> bool {
        self.has_room() || self.exact() < self.allowed.frame / 8
    }

    /// What video may take. Not what the moment leaves: its quality would never come to rest.
    pub fn for_video(&self) -> usize {
        self.allowed.motion
    }

    /// The tiles of this frame were compressed to so many bytes.
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

    /// What the tiles of this frame will be compressed to.
    fn exact(&self) -> usize {
        let flat = self.flat_raw as f32 * self.flat_ratio;
        let true_colour = self.true_colour_raw as f32 * self.true_colour_ratio;
        (flat + true_colour) as usize
    }
}

/// In which order changes go that do not all fit: small ones first, and near ones before far ones.
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
