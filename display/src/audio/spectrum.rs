//! Spectrum of samples by a fast Fourier transform: measures a tone against all else. For tests and tools
//! that check audio from end to end.

use super::{CHANNELS, RATE};
use std::f64::consts::PI;

/// Number of frames in a window: 0.34 s, so that tones 50 Hz apart can be distinguished.
const WINDOW: usize = 1 << 14;
/// Number of steps of the spectrum to each side over which a pure tone spreads.
const SPREAD: usize = 8;

/// Strongest tone in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Frequency in hertz, to within 1.5 Hz.
    pub hz: f64,
    /// Power of the tone relative to the sum of all others, in decibels.
    pub above_rest_db: f64,
}

/// Finds the strongest tone in interleaved samples, both channels together; `None` for fewer than 16384
/// frames or pure silence.
pub fn strongest_tone(samples: &[i16]) -> Option<Tone> {
    let mut power = vec![0.0; WINDOW / 2];
    for window in samples.chunks_exact(WINDOW * CHANNELS) {
        let mut re: Vec<f64> = window
            .chunks_exact(CHANNELS)
            .zip(0u32..)
            // Hann window: hard ends would spread every tone over the spectrum.
            .map(|(frame, n)| {
                let shape = 0.5 - 0.5 * (2.0 * PI * f64::from(n) / WINDOW as f64).cos();
                frame.iter().copied().map(f64::from).sum::<f64>() * shape
            })
            .collect();
        let mut im = vec![0.0; WINDOW];
        transform(&mut re, &mut im);
        for ((sum, re), im) in power.iter_mut().zip(&re).zip(&im) {
            *sum += re * re + im * im;
        }
    }
    // A constant offset is no sound.
    power.iter_mut().take(SPREAD).for_each(|power| *power = 0.0);
    let (at, _) = power.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let all: f64 = power.iter().sum();
    let tone: f64 = power.iter().skip(at.saturating_sub(SPREAD)).take(2 * SPREAD + 1).sum();
    let hz = at as f64 * f64::from(RATE) / WINDOW as f64;
    // Rounding limits how pure a tone can be measured.
    let rest = (all - tone).max(all * 1e-12);
    (all > 0.0).then(|| Tone { hz, above_rest_db: 10.0 * (tone / rest).log10() })
}

/// Discrete Fourier transform in place of a power-of-two number of values (Cooley and Tukey, radix 2).
fn transform(re: &mut [f64], im: &mut [f64]) {
    let size = re.len();
    let bits = size.trailing_zeros();
    for i in 0..size {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < size {
        let turn = -PI / half as f64;
        for (re, im) in re.chunks_exact_mut(2 * half).zip(im.chunks_exact_mut(2 * half)) {
            let ((re_a, re_b), (im_a, im_b)) = (re.split_at_mut(half), im.split_at_mut(half));
            let first = re_a.iter_mut().zip(im_a);
            let second = re_b.iter_mut().zip(im_b);
            for (((ra, ia), (rb, ib)), k) in first.zip(second).zip(0u32..) {
                let (sin, cos) = (turn * f64::from(k)).sin_cos();
                let (r, i) = (*rb * cos - *ib * sin, *rb * sin + *ib * cos);
                (*rb, *ib) = (*ra - r, *ia - i);
                *ra += r;
                *ia += i;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(frames: u32, level: impl Fn(f64) -> f64) -> Vec<i16> {
        (0..frames).flat_map(|n| [level(f64::from(n) / f64::from(RATE)) as i16; 2]).collect()
    }

    #[test]
    fn a_tone_is_found_and_what_is_beside_it_is_weighed() {
        let pure = strongest_tone(&sound(48_000, |t| 9000.0 * (2.0 * PI * 440.0 * t).sin())).unwrap();
        assert!((pure.hz - 440.0).abs() < 1.5 && pure.above_rest_db > 60.0, "{pure:?}");
        // A tenth of the level is 20 dB less.
        let mixed = |t: f64| 9000.0 * (2.0 * PI * 440.0 * t).sin() + 900.0 * (2.0 * PI * 3000.0 * t).sin();
        let mixed = strongest_tone(&sound(48_000, mixed)).unwrap();
        assert!((mixed.hz - 440.0).abs() < 1.5 && (mixed.above_rest_db - 20.0).abs() < 0.5, "{mixed:?}");
    }

    #[test]
    fn silence_and_what_is_too_short_have_no_tone() {
        assert_eq!(strongest_tone(&[0; WINDOW * 4]), None);
        assert_eq!(strongest_tone(&[500; 1000]), None);
    }
}
