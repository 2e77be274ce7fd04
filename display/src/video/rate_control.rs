//! Rate control of video: selects the H.264 quantizer so that pictures fit the byte budget of the connection.
//!
//! Rate model: six steps of the quantizer halve a picture's bytes. It becomes coarser at once when pictures
//! exceed the budget, and finer step by step.

use oriel_wire::TILE;

/// Finest quantizer used. At 24 moving text stays readable, and content that stops moving is sent lossless.
const FINEST: f32 = 24.0;

/// Coarsest quantizer for pictures that depend on the one before; beyond it, fewer pictures per second are
/// better.
const COARSE: f32 = 42.0;

/// Coarsest quantizer of H.264, allowed for key frames only: it shows an outline at once.
const COARSEST: f32 = 51.0;

/// Number of quantizer steps that halve the bytes.
const HALVES: f32 = 6.0;

/// Assumed bytes per pixel of a key frame at the finest quantizer, before one was measured: a photograph. A
/// page of text needs a quarter of it.
const KEY: f32 = 0.25;

/// Budget of a key frame as a multiple of other pictures' budget; key frames are rare.
const KEY_SHARE: f32 = 1.5;

/// Difference in quantizer steps from which a key frame that is too large is encoded again.
const TRY_AGAIN: f32 = 2.0;

/// Share of the budget below which pictures become finer …
const LOW: f32 = 0.7;

/// … by this many quantizer steps for each picture, about one step in a fifth of a second …
const FINER: f32 = 0.4;

/// … or by the steps that would use the budget divided by this, if that is more; the next picture may be
/// larger.
const CAUTION: f32 = 2.5;

/// Rate control of one viewer's video streams: the present quantizer and the measured size of key frames.
#[derive(Debug)]
pub struct RateControl {
    /// Quantizer of the next picture that depends on the one before, in fractions of a step.
    quantizer: f32,
    /// Bytes per pixel of a key frame at the finest quantizer, as last measured.
    key: f32,
}

impl Default for RateControl {
    /// Creates rate control at the finest quantizer.
    fn default() -> Self {
        Self { quantizer: FINEST, key: KEY }
    }
}

impl RateControl {
    /// Returns the quantizer (24 to 51) for a key frame of `pixels` pixels with a budget of `bytes`.
    pub fn of_key(&self, pixels: u32, bytes: usize) -> u8 {
        let expected = pixels as f32 * self.key;
        whole(FINEST + HALVES * (expected / (bytes as f32 * KEY_SHARE).max(1.0)).log2())
    }

    /// Returns the number of tiles of a key frame that fit into `bytes` at the coarsest quantizer.
    pub fn most_tiles(&self, bytes: usize) -> usize {
        let coarsest = self.key * ((FINEST - COARSEST) / HALVES).exp2() * (TILE * TILE) as f32;
        (bytes as f32 / coarsest.max(f32::MIN_POSITIVE)) as usize
    }

    /// Announces `fresh` pixels in the next picture that the picture before did not show; the quantizer
    /// becomes coarser if need be.
    pub fn expect_fresh(&mut self, fresh: u32, bytes: usize) {
        // A picture that depends on a coarse one would be as large as a key frame if it were finer.
        self.quantizer = self.quantizer.max(f32::from(self.of_key(fresh, bytes)));
    }

    /// Returns the quantizer (24 to 51) for a picture that depends on the one before.
    pub fn of_delta(&self) -> u8 {
        whole(self.quantizer)
    }

    /// Reports whether the quantizer is the finest used, so that waiting would not improve the picture.
    pub fn is_finest(&self) -> bool {
        self.quantizer <= FINEST
    }

    /// Records a key frame of `pixels` pixels that took `took` bytes of a budget of `bytes` at quantizer
    /// `used`. Returns the quantizer for another attempt if the frame is much too large.
    pub fn coded_key(&mut self, used: u8, pixels: u32, took: usize, bytes: usize) -> Option<u8> {
        let finest = took as f32 * ((f32::from(used) - FINEST) / HALVES).exp2();
        self.key = finest / pixels.max(1) as f32;
        // A picture that depends on a coarse one would be as large as a key frame if it were finer.
        self.quantizer = f32::from(used);
        let again = self.of_key(pixels, bytes);
        (f32::from(again) >= f32::from(used) + TRY_AGAIN).then_some(again)
    }

    /// Records a picture that depends on the one before and took `took` bytes of a budget of `bytes`.
    pub fn coded_delta(&mut self, took: usize, bytes: usize) {
        let (took, bytes) = (took.max(1) as f32, bytes.max(1) as f32);
        if took > bytes {
            let coarser = self.quantizer + HALVES * (took / bytes).log2();
            // After a key frame the quantizer may already exceed the limit for motion.
            self.quantizer = coarser.min(self.quantizer.max(COARSE));
        } else if took < bytes * LOW {
            self.quantizer -= FINER.max(HALVES / CAUTION * ((bytes / took).log2() + LOW.log2()));
        }
        self.quantizer = self.quantizer.max(FINEST);
    }
}

/// Rounds a quantizer up to a whole number from 24 to 51.
fn whole(quantizer: f32) -> u8 {
    quantizer.clamp(FINEST, COARSEST).ceil() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u32 = 1920 * 1080;

    /// Returns the bytes of a picture that takes `finest` bytes at the finest quantizer.
    fn bytes_at(quantizer: u8, finest: f32) -> usize {
        (finest * ((FINEST - f32::from(quantizer)) / HALVES).exp2()) as usize
    }

    #[test]
    fn a_fast_line_gets_the_finest() {
        let rate_control = RateControl::default();
        assert_eq!((rate_control.of_key(PAGE, usize::MAX / 2), rate_control.of_delta()), (24, 24));
        assert_eq!(rate_control.of_key(PAGE, 350_000), 24);
        assert!(rate_control.most_tiles(usize::MAX / 2) > 100_000 && rate_control.most_tiles(5_000) < 200);
        assert_eq!(rate_control.of_key(PAGE / 128, 5_000), 24, "a small region is no burden");
    }

    #[test]
    fn pictures_fit_a_slow_line_after_one_that_did_not_and_recover_without_haste() {
        let mut rate_control = RateControl::default();
        let mut sizes = Vec::new();
        for target in [usize::MAX / 2, 5_000, 5_000, 5_000] {
            sizes.push(bytes_at(rate_control.of_delta(), 30_000.0));
            rate_control.coded_delta(bytes_at(rate_control.of_delta(), 30_000.0), target);
        }
        assert_eq!(sizes[..2], [30_000, 30_000]);
        assert!(sizes[2] <= 5_000 && sizes[3] <= 5_000, "{sizes:?}");
        let pictures = (1..200).find(|_| {
            rate_control.coded_delta(bytes_at(rate_control.of_delta(), 30_000.0), 100_000);
            rate_control.of_delta() == 24
        });
        assert!(pictures.is_some_and(|pictures| (3..60).contains(&pictures)), "{pictures:?}");
    }

    #[test]
    fn a_key_frame_that_is_much_too_large_is_tried_once_more_and_those_on_it_are_as_coarse() {
        let mut rate_control = RateControl::default();
        let first = rate_control.of_key(PAGE, 40_000);
        let photograph = 1_000_000.0;
        let again = rate_control.coded_key(first, PAGE, bytes_at(first, photograph), 40_000);
        let again = again.expect("it is much too large");
        assert!(bytes_at(again, photograph) < 60_000);
        assert_eq!(rate_control.coded_key(again, PAGE, bytes_at(again, photograph), 40_000), None);
        assert_eq!(rate_control.of_delta(), again);
    }
}
