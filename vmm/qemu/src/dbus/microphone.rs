//! `org.qemu.Display1.AudioInListener`: where QEMU asks for what the guest records.

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

/// Serves the listener on `socket`; see [`pcm::serve`].
///
/// # Errors
/// The thread cannot be made.
pub(crate) fn serve_microphone(
    socket: UnixStream,
    sound: Arc<Sound>,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    pcm::serve("qemu-microphone", socket, Microphone { sound, pace: Pace::default() })
}

struct Microphone {
    sound: Arc<Sound>,
    pace: Pace,
}

impl Stream for Microphone {
    fn enabled(&mut self, on: bool) {
        if !on {
            self.pace = Pace::default();
        }
    }

    fn call(&mut self, member: &str, message: &Message) -> zbus::Result<Option<Answer>> {
        if member != "Read" {
            return Ok(None);
        }
        let (_, bytes): (u64, u64) = message.body().deserialize()?;
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX) / FRAME_LEN;
        let mut samples = vec![0; self.pace.frames(wanted, Instant::now()) * CHANNELS];
        self.sound.input.read(&mut samples);
        let bytes = samples.into_iter().flat_map(i16::to_le_bytes);
        Ok(Some(Answer::Bytes(bytes.collect())))
    }
}

const FRAME_LEN: usize = CHANNELS * size_of::<i16>();
/// After a longer pause the stream begins anew instead of catching up.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// QEMU asks for as much as it has room for, as often as it can; time is what holds it back.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
}

impl Pace {
    /// How many of `wanted` frames were recorded since the last time.
    fn frames(&mut self, wanted: usize, now: Instant) -> usize {
        let last = self.last.filter(|last| now.saturating_duration_since(*last) < LONGEST_PAUSE);
        let Some(last) = last else {
            self.last = Some(now);
            return 0;
        };
        let passed = now.saturating_duration_since(last).as_nanos() * u128::from(RATE) / 1_000_000_000;
        let frames = usize::try_from(passed).unwrap_or(usize::MAX).min(wanted);
        // Rounded up by less than a nanosecond: none is given twice.
        let nanos = (frames as u64 * 1_000_000_000).div_ceil(u64::from(RATE));
        self.last = Some(last + Duration::from_nanos(nanos));
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_48000_frames_however_often_it_is_asked() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut frames = pace.frames(480, start);
        assert_eq!(frames, 0);
        for n in 1..=3000u32 {
            frames += pace.frames(480, start + Duration::from_secs(1) / 3000 * n);
        }
        assert!((47_990..=48_000).contains(&frames), "{frames}");
        assert_eq!(pace.frames(480, start + Duration::from_secs(60)), 0, "nothing is made up for");
    }
}
