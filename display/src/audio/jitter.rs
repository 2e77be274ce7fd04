//! What was recorded, until the guest's sound card asks for it.

use super::{CHANNELS, RATE};
use std::collections::VecDeque;

const MS: usize = RATE as usize / 1000 * CHANNELS;
/// So much is gathered before the guest gets any: packets come in bursts.
const BEGIN: usize = 40 * MS;
/// More than this is never kept: what is older would only be late,
const MOST: usize = 160 * MS;
/// and then everything but this goes.
const KEPT: usize = 60 * MS;

/// Samples in order; bounded.
#[derive(Debug, Default)]
pub struct Jitter {
    samples: VecDeque<i16>,
    flowing: bool,
}

impl Jitter {
    /// Adds what was recorded.
    pub fn push(&mut self, samples: &[i16]) {
        self.samples.extend(samples);
        if self.samples.len() > MOST {
            self.samples.drain(..self.samples.len() - KEPT);
        }
        self.flowing |= self.samples.len() >= BEGIN;
    }

    /// Fills `out`, with silence where there is nothing.
    pub fn pull(&mut self, out: &mut [i16]) {
        if !self.flowing {
            return out.fill(0);
        }
        for sample in out {
            *sample = self.samples.pop_front().unwrap_or_else(|| {
                self.flowing = false;
                0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [i16; 20 * MS] = [5; 20 * MS];

    fn pull(jitter: &mut Jitter, ms: usize) -> Vec<i16> {
        let mut out = vec![9; ms * MS];
        jitter.pull(&mut out);
        out
    }

    #[test]
    fn it_begins_once_there_is_enough_for_a_late_packet() {
        let mut jitter = Jitter::default();
        jitter.push(&PACKET);
        assert_eq!(pull(&mut jitter, 10), [0; 10 * MS]);
        jitter.push(&PACKET);
        assert_eq!(pull(&mut jitter, 30), [5; 30 * MS]);
        let end = pull(&mut jitter, 20);
        assert_eq!((&end[..10 * MS], &end[10 * MS..]), (&[5; 10 * MS][..], &[0; 10 * MS][..]));
        jitter.push(&PACKET);
        assert_eq!(pull(&mut jitter, 10), [0; 10 * MS], "after a lack it gathers anew");
    }

    #[test]
    fn what_nobody_takes_does_not_pile_up() {
        let mut jitter = Jitter::default();
        for _ in 0..1000 {
            jitter.push(&PACKET);
            assert!(jitter.samples.len() <= MOST);
        }
    }
}
