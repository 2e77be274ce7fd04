//! Recording: decodes packets of the active microphone into a jitter buffer, from which the guest's sound
//! device reads.

use super::codec::{CodecError, PacketDecoder};
use super::counters::SoundCounters;
use super::jitter::Jitter;
use parking_lot::Mutex;
use std::sync::Arc;

/// Recording input of one guest: the viewer whose microphone was turned on last, or silence.
pub struct SoundIn {
    state: Mutex<State>,
    counters: Arc<SoundCounters>,
}

/// State of recording under its lock.
#[derive(Default)]
struct State {
    /// Numbers of the viewers whose microphone is on; the last one is the active one.
    speakers: Vec<u32>,
    /// Decoder for the active viewer; `None` without one.
    decoder: Option<PacketDecoder>,
    jitter: Jitter,
}

impl SoundIn {
    /// Creates a recording input without an active microphone.
    pub(super) fn new(counters: Arc<SoundCounters>) -> Self {
        Self { state: Mutex::default(), counters }
    }

    /// Makes the microphone of `viewer` the active one until the returned guard is dropped.
    ///
    /// # Errors
    /// When a decoder cannot be allocated.
    pub fn turn_on(self: &Arc<Self>, viewer: u32) -> Result<Recorder, CodecError> {
        let decoder = PacketDecoder::new()?;
        let mut state = self.state.lock();
        state.speakers.push(viewer);
        state.start_anew(Some(decoder));
        Ok(Recorder { input: self.clone(), viewer })
    }

    /// Fills `samples` with recorded audio, or silence where there is none. The guest's sound device calls
    /// this in real time.
    pub fn read(&self, samples: &mut [i16]) {
        self.state.lock().jitter.pull(samples);
    }
}

impl State {
    /// Discards the samples of the previous speaker.
    fn start_anew(&mut self, decoder: Option<PacketDecoder>) {
        self.decoder = decoder;
        self.jitter = Jitter::default();
    }
}

/// Microphone of a viewer that is on; dropping it turns it off.
pub struct Recorder {
    input: Arc<SoundIn>,
    viewer: u32,
}

impl Recorder {
    /// Decodes one packet into the jitter buffer. A malformed packet, or one from a microphone that is not
    /// active, is counted and ignored.
    pub fn record(&self, packet: &[u8]) {
        let counters = &self.input.counters;
        let mut state = self.input.state.lock();
        let State { speakers, decoder, jitter } = &mut *state;
        let decoder = decoder.as_mut().filter(|_| speakers.last() == Some(&self.viewer));
        match decoder.map(|decoder| decoder.decode(packet)) {
            Some(Ok(samples)) => {
                jitter.push(samples);
                counters.recorded.add(1);
            }
            Some(Err(_)) | None => counters.recorded_ignored.add(1),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut state = self.input.state.lock();
        let active = state.speakers.last() == Some(&self.viewer);
        state.speakers.retain(|speaker| *speaker != self.viewer);
        if active {
            let decoder = if state.speakers.is_empty() { None } else { PacketDecoder::new().ok() };
            state.start_anew(decoder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PACKET_SAMPLES, PacketEncoder, Sound};
    use super::*;

    /// Returns packets of a loud square wave.
    fn packets(count: usize) -> Vec<Vec<u8>> {
        let mut encoder = PacketEncoder::new().unwrap();
        let buzz: Vec<i16> =
            (0..PACKET_SAMPLES).map(|n| if n / 40 % 2 == 0 { 8000 } else { -8000 }).collect();
        (0..count).map(|_| encoder.encode(&buzz).unwrap()).collect()
    }

    fn loudest(input: &SoundIn) -> u16 {
        let mut samples = [0; PACKET_SAMPLES * 4];
        input.read(&mut samples);
        samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap()
    }

    #[test]
    fn the_last_microphone_turned_on_is_active_and_none_is_silence() {
        let input = Sound::new().input.clone();
        assert_eq!(loudest(&input), 0);
        let one = input.turn_on(1).unwrap();
        packets(5).iter().for_each(|packet| one.record(packet));
        assert!(loudest(&input) > 4000);
        let two = input.turn_on(2).unwrap();
        packets(5).iter().for_each(|packet| one.record(packet));
        assert_eq!(loudest(&input), 0, "another microphone is active now");
        packets(5).iter().for_each(|packet| two.record(packet));
        assert!(loudest(&input) > 4000);
        packets(5).iter().for_each(|packet| two.record(packet));
        drop(two);
        assert_eq!(loudest(&input), 0, "samples of the former microphone are discarded");
        packets(5).iter().for_each(|packet| one.record(packet));
        assert!(loudest(&input) > 4000, "the earlier microphone is active again");
        assert_eq!(input.counters.recorded_ignored.get(), 5);
    }

    #[test]
    fn what_is_no_packet_is_counted_and_left_out() {
        let input = Sound::new().input.clone();
        let one = input.turn_on(1).unwrap();
        one.record(&[]);
        one.record(&[0xFF; 3]);
        assert_eq!(input.counters.recorded_ignored.get(), 2);
        assert_eq!(loudest(&input), 0);
    }
}
