//! Jitter buffer of recorded samples, between a client's packets and the guest's capture device.

use super::{CHANNELS, RATE};
use std::collections::VecDeque;

/// Number of interleaved samples in a millisecond.
const MS: usize = RATE as usize / 1000 * CHANNELS;
/// Samples collected before the guest receives any (40 ms), because packets arrive in bursts.
const BEGIN: usize = 40 * MS;
/// Largest number of samples kept (160 ms), because older ones would only add delay …
const MOST: usize = 160 * MS;
/// … and the number of newest samples kept (60 ms) when that is exceeded.
const KEPT: usize = 60 * MS;

/// Bounded queue of interleaved samples, oldest first.
#[derive(Debug, Default)]
pub struct Jitter {
    samples: VecDeque<i16>,
    /// True from the time that enough samples are collected until the queue is empty.
    flowing: bool,
}

impl Jitter {
    /// Appends recorded samples; discards the oldest if more than 160 ms are queued.
    pub fn push(&mut self, samples: &[i16]) {
        self.samples.extend(samples);
        if self.samples.len() > MOST {
            self.samples.drain(..self.samples.len() - KEPT);
        }
        self.flowing |= self.samples.len() >= BEGIN;
    }

    /// Removes samples from the queue to fill `out`; missing samples are silence.
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
    fn samples_that_are_not_read_do_not_pile_up() {
        let mut jitter = Jitter::default();
        for _ in 0..1000 {
            jitter.push(&PACKET);
            assert!(jitter.samples.len() <= MOST);
        }
    }
}
