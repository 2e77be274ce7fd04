//! Server of `org.qemu.Display1.AudioInListener`, from which QEMU reads the samples that the guest records.

use super::pcm::{self, Answer, Stream};
use crate::error::CommandError;
use oriel_display::Sound;
use oriel_display::audio::{CHANNELS, RATE};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use zbus::Message;

/// Serves the recording listener on `socket`, on a thread of its own; see [`pcm::serve`].
///
/// # Errors
/// When the thread cannot be created.
pub(crate) fn serve_microphone(
    socket: UnixStream,
    sound: Arc<Sound>,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    pcm::serve("qemu-microphone", socket, Microphone { sound, pacer: RecordPacer::default() })
}

/// Handler of QEMU's calls for recorded samples.
struct Microphone {
    sound: Arc<Sound>,
    pacer: RecordPacer,
}

impl Stream for Microphone {
    fn enabled(&mut self, on: bool) {
        if !on {
            self.pacer = RecordPacer::default();
        }
    }

    fn call(&mut self, member: &str, message: &Message) -> zbus::Result<Option<Answer>> {
        if member != "Read" {
            return Ok(None);
        }
        let (_, bytes): (u64, u64) = message.body().deserialize()?;
        let requested = usize::try_from(bytes).unwrap_or(usize::MAX) / FRAME_LEN;
        let mut samples = vec![0; self.pacer.frames(requested, Instant::now()) * CHANNELS];
        self.sound.input.read(&mut samples);
        let bytes = samples.into_iter().flat_map(i16::to_le_bytes);
        Ok(Some(Answer::Bytes(bytes.collect())))
    }
}

/// Length of a frame, one sample of each channel, in bytes.
const FRAME_LEN: usize = CHANNELS * size_of::<i16>();
/// Longest time between two reads that is made up for; after a longer one, recording starts anew.
const MAX_GAP: Duration = Duration::from_millis(100);

/// Pacer of the recording. QEMU reads as much as fits and as often as possible, so the clock limits the rate.
#[derive(Default)]
struct RecordPacer {
    last_read: Option<Instant>,
}

impl RecordPacer {
    /// Returns the number of frames, at most `requested`, that were recorded since the last call.
    fn frames(&mut self, requested: usize, now: Instant) -> usize {
        let last_read =
            self.last_read.filter(|last_read| now.saturating_duration_since(*last_read) < MAX_GAP);
        let Some(last_read) = last_read else {
            self.last_read = Some(now);
            return 0;
        };
        let passed = now.saturating_duration_since(last_read).as_nanos() * u128::from(RATE) / 1_000_000_000;
        let frames = usize::try_from(passed).unwrap_or(usize::MAX).min(requested);
        // Rounding up by less than a nanosecond ensures that no frame is returned twice.
        let nanos = (frames as u64 * 1_000_000_000).div_ceil(u64::from(RATE));
        self.last_read = Some(last_read + Duration::from_nanos(nanos));
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_48000_frames_however_often_it_is_asked() {
        let start = Instant::now();
        let mut pacer = RecordPacer::default();
        let mut frames = pacer.frames(480, start);
        assert_eq!(frames, 0);
        for n in 1..=3000u32 {
            frames += pacer.frames(480, start + Duration::from_secs(1) / 3000 * n);
        }
        assert!((47_990..=48_000).contains(&frames), "{frames}");
        assert_eq!(pacer.frames(480, start + Duration::from_secs(60)), 0, "nothing is made up for");
    }
}
