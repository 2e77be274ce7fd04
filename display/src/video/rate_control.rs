//! The quantizer of video: as fine as the line allows.
//!
//! Six steps of H.264's quantizer halve a picture's bytes, about. It grows coarser at once when
//! pictures are too large for the line, and finer step by step.

use oriel_wire::TILE;

/// At 24 moving text stays readable, and what stops moving is sent exact anyway: no need for more.
const FINEST: f32 = 24.0;

/// Motion gets no coarser: fewer pictures that show something are better.
const COARSE: f32 = 42.0;

/// H.264 knows no coarser one. It shows where things are, for the moment, and that at once.
const COARSEST: f32 = 51.0;

/// Steps that halve the bytes.
const HALVES: f32 = 6.0;

/// Bytes for a pixel of a key frame at the finest quantizer, until they are known: a photograph. A
/// page of text takes a quarter of it.
const KEY: f32 = 0.25;

/// A key frame may have as much as so many others: it comes seldom.
const KEY_SHARE: f32 = 1.5;

/// A key frame that should be coarser by this is coded once more.
const TRY_AGAIN: f32 = 2.0;

/// While pictures need less than this share of what they may have, they become finer …
const LOW: f32 = 0.7;

/// … by this for each picture, a step in a fifth of a second or so …
const FINER: f32 = 0.4;

/// … and by this part of what there would be room for, where that is more: the next may be larger.
const CAUTION: f32 = 2.5;

/// What quantizer suits the line.
#[derive(Debug)]
pub struct RateControl {
    quantizer: f32,
    /// Bytes for a pixel of a key frame at the finest quantizer.
    key: f32,
}

impl Default for RateControl {
    fn default() -> Self {
        Self { quantizer: FINEST, key: KEY }
    }
}

impl RateControl {
    /// The quantizer of H.264 for a key frame of `pixels` that is to have `bytes`.
    pub fn of_key(&self, pixels: u32, bytes: usize) -> u8 {
        let expected = pixels as f32 * self.key;
        whole(FINEST + HALVES * (expected / (bytes as f32 * KEY_SHARE).max(1.0)).log2())
    }

    /// Tiles of a key frame that can have `bytes`, however coarse.
    pub fn most_tiles(&self, bytes: usize) -> usize {
        let coarsest = self.key * ((FINEST - COARSEST) / HALVES).exp2() * (TILE * TILE) as f32;
        (bytes as f32 / coarsest.max(f32::MIN_POSITIVE)) as usize
    }

    /// The next picture builds on the one before but for `fresh` pixels.
    pub fn expect_fresh(&mut self, fresh: u32, bytes: usize) {
        // What builds on a coarse picture would be as large as a fine one, were it finer.
        self.quantizer = self.quantizer.max(f32::from(self.of_key(fresh, bytes)));
    }

    /// The same for a picture that builds on the one before.
    pub fn of_delta(&self) -> u8 {
        whole(self.quantizer)
    }

    /// Whether nothing finer comes.
    pub fn is_finest(&self) -> bool {
        self.quantizer <= FINEST
    }

    /// A key frame of `pixels` coded with `used` took `took` bytes of the `bytes` that it was to
    /// have. Gives the quantizer to try again with, if it is much too large.
    pub fn coded_key(&mut self, used: u8, pixels: u32, took: usize, bytes: usize) -> Option<u8> {
        let finest = took as f32 * ((f32::from(used) - FINEST) / HALVES).exp2();
        self.key = finest / pixels.max(1) as f32;
        // What builds on a coarse picture would be as large as a fine one, were it finer.
        self.quantizer = f32::from(used);
        let again = self.of_key(pixels, bytes);
        (f32::from(again) >= f32::from(used) + TRY_AGAIN).then_some(again)
    }

    /// A picture that builds on the one before took `took` bytes of the `bytes` that it was to have.
    pub fn coded_delta(&mut self, took: usize, bytes: usize) {
        let (took, bytes) = (took.max(1) as f32, bytes.max(1) as f32);
        if took > bytes {
            let coarser = self.quantizer + HALVES * (took / bytes).log2();
            // A key frame may have been coarser still.
            self.quantizer = coarser.min(self.quantizer.max(COARSE));
        } else if took < bytes * LOW {
            self.quantizer -= FINER.max(HALVES / CAUTION * ((bytes / took).log2() + LOW.log2()));
        }
        self.quantizer = self.quantizer.max(FINEST);
    }
}

fn whole(quantizer: f32) -> u8 {
    quantizer.clamp(FINEST, COARSEST).ceil() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u32 = 1920 * 1080;

    /// A picture of `finest` bytes at the finest quantizer.
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
