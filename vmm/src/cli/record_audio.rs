//! Command `oriel-vmm record-audio`: records the guest's playback as a viewer receives it.
//!
//! The sound passes the whole pipeline, encoding and decoding included, so that tests can check it.

use super::connect;
use oriel_display::audio::spectrum::strongest_tone;
use oriel_display::audio::{CHANNELS, PACKET_SAMPLES, PacketDecoder, RATE};
use oriel_wire::{AudioPacket, ClientMessage};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest recording in seconds.
const MAX_SECONDS: u64 = 600;
/// Length of silence that ends the recording.
const SILENCE: Duration = Duration::from_secs(2);
/// Length of the sound in one packet, in microseconds.
const PACKET_US: u64 = 1_000_000 * PACKET_SAMPLES as u64 / CHANNELS as u64 / RATE as u64;

/// Records until silence, at most `seconds`, into a WAVE file at `out`. Prints facts of the sound as JSON:
/// number of packets and of missing packets, seconds, peak, and strongest tone in Hz.
///
/// # Errors
/// One sentence for users.
pub fn run(socket: &Path, seconds: &str, out: &Path) -> Result<(), String> {
    let seconds = seconds.parse().ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| format!("Give the number of seconds with --seconds, 1 to {MAX_SECONDS}."))?;
    let packets = receive(socket, Duration::from_secs(seconds))?;
    let samples = decode(&packets)?;
    File::create(out)
        .and_then(|file| write_wav(BufWriter::new(file), &samples))
        .map_err(|error| format!("{} cannot be written: {error}.", out.display()))?;
    let tone = strongest_tone(&samples);
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    let facts = json!({
        "packets": packets.len(),
        "missing": missing(&packets),
        "seconds": samples.len() as f64 / CHANNELS as f64 / f64::from(RATE),
        "peak": peak,
        "strongest_hz": tone.map(|tone| tone.hz),
        "above_rest_db": tone.map(|tone| tone.above_rest_db),
    });
    println!("{facts}");
    Ok(())
}

/// Receives packets for `time`, or until [`SILENCE`] after a packet.
fn receive(socket: &Path, time: Duration) -> Result<Vec<AudioPacket>, String> {
    let broken = |error| format!("The sound could not be received: {error}.");
    let mut client = connect::viewer(socket)?;
    client.send(&ClientMessage::Sound { playback: true, capture: false }).map_err(broken)?;
    let end = Instant::now() + time;
    let mut deadline = end;
    let mut packets = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(packets);
        }
        client.set_timeout(Some(left)).map_err(|error| error.to_string())?;
        // Frames are not acknowledged: after the first few the machine sends only sound.
        match client.receive_any() {
            Ok(_) => {
                if let Some(packet) = client.take_audio() {
                    packets.push(packet);
                    deadline = end.min(Instant::now() + SILENCE);
                }
            }
            Err(error) if error.is_timeout() => return Ok(packets),
            Err(error) => return Err(broken(error)),
        }
    }
}

/// Decodes the packets to interleaved samples, with zeros for gaps between the packets' times.
fn decode(packets: &[AudioPacket]) -> Result<Vec<i16>, String> {
    let mut decoder = PacketDecoder::new().map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    let mut expected = packets.first().map_or(0, |packet| packet.time_us);
    for packet in packets {
        let silent = packet.time_us.saturating_sub(expected).div_euclid(PACKET_US);
        let silent = usize::try_from(silent.min(MAX_SECONDS * 100)).unwrap_or(0);
        samples.resize(samples.len() + silent * PACKET_SAMPLES, 0);
        let decoded = decoder.decode(&packet.opus);
        samples.extend_from_slice(decoded.map_err(|error| format!("The sound cannot be decoded: {error}."))?);
        expected = packet.time_us + PACKET_US;
    }
    Ok(samples)
}

/// Returns the number of missing packets, by gaps in the sequence numbers.
fn missing(packets: &[AudioPacket]) -> u32 {
    let pairs = packets.iter().zip(packets.iter().skip(1));
    pairs.map(|(one, next)| next.sequence.wrapping_sub(one.sequence).wrapping_sub(1)).sum()
}

/// Writes the samples as a RIFF WAVE file with 16 bits per sample.
fn write_wav(mut out: impl Write, samples: &[i16]) -> io::Result<()> {
    let frame_len = (CHANNELS * size_of::<i16>()) as u32;
    let bytes = u32::try_from(size_of_val(samples)).map_err(io::Error::other)?;
    out.write_all(b"RIFF")?;
    out.write_all(&(36 + bytes).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    for word in [16, 1 | (CHANNELS as u32) << 16, RATE, RATE * frame_len, frame_len | 16 << 16] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(b"data")?;
    out.write_all(&bytes.to_le_bytes())?;
    samples.iter().try_for_each(|sample| out.write_all(&sample.to_le_bytes()))?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_display::audio::PacketEncoder;

    fn packet(sequence: u32, time_us: u64) -> AudioPacket {
        let opus = PacketEncoder::new().unwrap().encode(&[0; PACKET_SAMPLES]).unwrap();
        AudioPacket { sequence, time_us, opus }
    }

    #[test]
    fn silence_takes_its_time_and_what_is_missing_is_counted() {
        let packets = [packet(4, 1_000_000), packet(5, 1_010_000), packet(8, 1_050_000)];
        assert_eq!(decode(&packets).unwrap().len(), 6 * PACKET_SAMPLES);
        assert_eq!(missing(&packets), 2);
    }

    #[test]
    fn a_wave_file_says_how_long_it_is() {
        let mut file = Vec::new();
        write_wav(&mut file, &[1, 2, 3, 4]).unwrap();
        assert_eq!(file.len(), 44 + 8);
        assert_eq!(file[4..8], 44u32.to_le_bytes());
        assert_eq!(file[24..28], 48_000u32.to_le_bytes());
        assert_eq!(file[40..44], 8u32.to_le_bytes());
    }
}
