//! Division of the guest's playback into packets of 10 ms, with silence left out. Input of the Opus encoder.

use super::{CHANNELS, PACKET_FRAMES, PACKET_SAMPLES, RATE};
use std::time::{Duration, Instant};

/// Number of silent packets in a row that are still sent; later ones are left out until a sample is not zero.
const SILENT_PACKETS: u32 = 20;

/// Difference between expected and actual time from which samples do not continue those before. Smaller
/// differences are scheduling jitter of a loaded host.
const BREAK: Duration = Duration::from_millis(40);

/// Duration of a packet.
const PACKET: Duration = Duration::from_millis(PACKET_FRAMES as u64 * 1000 / RATE as u64);

/// Packetizer: the samples that do not fill a packet yet.
#[derive(Debug, Default)]
pub struct Packets {
    /// Interleaved samples of the incomplete packet.
    gathered: Vec<i16>,
    /// Time at which the first of the gathered samples is played; `None` before any samples and after a
    /// flush.
    begins: Option<Instant>,
    /// Number of silent packets in a row.
    silent: u32,
}

impl Packets {
    /// Appends samples, the first of which is played at `at`. Calls `packet` with each completed packet worth
    /// sending and its time of playback.
    pub fn push(&mut self, mut samples: &[i16], at: Instant, mut packet: impl FnMut(&[i16], Instant)) {
        let gathered = (self.gathered.len() / CHANNELS) as u64;
        let expected = self.begins.map(|begins| begins + frames_last(gathered));
        if expected.is_none_or(|expected| expected.max(at) - expected.min(at) > BREAK) {
            self.flush(&mut packet);
            self.begins = Some(at);
        }
        let mut begins = self.begins.unwrap_or(at);
        while self.gathered.len() + samples.len() >= PACKET_SAMPLES {
            let missing = PACKET_SAMPLES.saturating_sub(self.gathered.len());
            let (first, rest) = samples.split_at_checked(missing).unwrap_or((samples, &[]));
            self.gathered.extend_from_slice(first);
            samples = rest;
            self.emit(begins, &mut packet);
            begins += PACKET;
        }
        self.gathered.extend_from_slice(samples);
        self.begins = Some(begins);
    }

    /// Completes the gathered samples with silence to a packet, for a pause in playback.
    pub fn flush(&mut self, mut packet: impl FnMut(&[i16], Instant)) {
        if let Some(begins) = self.begins.take().filter(|_| !self.gathered.is_empty()) {
            self.gathered.resize(PACKET_SAMPLES, 0);
            self.emit(begins, &mut packet);
        }
    }

    /// Passes the gathered packet on unless it is silence beyond [`SILENT_PACKETS`].
    fn emit(&mut self, begins: Instant, packet: &mut impl FnMut(&[i16], Instant)) {
        let audible = self.gathered.iter().any(|sample| *sample != 0);
        self.silent = if audible { 0 } else { self.silent.saturating_add(1) };
        if self.silent <= SILENT_PACKETS {
            packet(&self.gathered, begins);
        }
        self.gathered.clear();
    }
}

/// Returns the duration of a number of frames.
pub fn frames_last(frames: u64) -> Duration {
    Duration::from_nanos(frames.saturating_mul(1_000_000_000) / u64::from(RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn pieces_of_any_size_become_packets_without_a_gap() {
        let start = Instant::now();
        let mut packets = Packets::default();
        let mut got = Vec::new();
        let samples: Vec<i16> = (1..=PACKET_SAMPLES as i16 * 3 + 100).collect();
        let mut frame = 0;
        for piece in samples.chunks(202) {
            packets.push(piece, start + frames_last(frame), |packet, at| got.push((packet.to_vec(), at)));
            frame += piece.len() as u64 / 2;
        }
        let joined: Vec<i16> = got.iter().flat_map(|(packet, _)| packet.clone()).collect();
        assert_eq!(joined, samples[..PACKET_SAMPLES * 3]);
        let times: Vec<Duration> = got.iter().map(|(_, at)| *at - start).collect();
        assert_eq!(times, [ms(0), ms(10), ms(20)]);
        packets.flush(|packet, at| got.push((packet.to_vec(), at)));
        let (last, at) = got.last().unwrap();
        assert_eq!((&last[..100], last[100], *at - start), (&samples[PACKET_SAMPLES * 3..], 0, ms(30)));
    }

    #[test]
    fn silence_ends_after_a_fifth_of_a_second_and_sound_goes_on_at_once() {
        let start = Instant::now();
        let mut packets = Packets::default();
        let mut times = Vec::new();
        for n in 0..100 {
            let level = if n == 50 { 5 } else { 0 };
            packets.push(&[level; PACKET_SAMPLES], start + ms(n * 10), |_, at| times.push(at - start));
        }
        let wanted: Vec<Duration> = (0..20).chain(50..71).map(|n| ms(n * 10)).collect();
        assert_eq!(times, wanted);
    }

    #[test]
    fn a_break_begins_a_packet_of_its_own_and_a_late_piece_does_not() {
        let start = Instant::now();
        let mut packets = Packets::default();
        let mut got = Vec::new();
        let mut push = |pieces: &mut Packets, at: u64| {
            pieces
                .push(&[7; PACKET_SAMPLES / 2], start + ms(at), |packet, at| got.push((packet.to_vec(), at)));
        };
        push(&mut packets, 0);
        push(&mut packets, 30);
        push(&mut packets, 35);
        push(&mut packets, 500);
        push(&mut packets, 505);
        let times: Vec<Duration> = got.iter().map(|(_, at)| *at - start).collect();
        assert_eq!(times, [ms(0), ms(10), ms(500)]);
        assert_eq!(got[1].0[PACKET_SAMPLES / 2..], [0; PACKET_SAMPLES / 2], "what is missing is silence");
    }
}
