//! Server of `org.qemu.Display1.AudioOutListener`, to which QEMU sends the samples that the guest plays.

use super::pcm::{self, Answer, Stream};
use crate::error::CommandError;
use oriel_display::Sound;
use serde_bytes::Bytes;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;
use zbus::Message;

/// Serves the playback listener on `socket`, on a thread of its own; see [`pcm::serve`].
///
/// # Errors
/// When the thread cannot be created.
pub(crate) fn serve_speaker(
    socket: UnixStream,
    sound: Arc<Sound>,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    pcm::serve("qemu-speaker", socket, Speaker(sound))
}

/// Handler of QEMU's calls with played samples.
struct Speaker(Arc<Sound>);

impl Stream for Speaker {
    fn enabled(&mut self, on: bool) {
        if !on {
            self.0.out.rest();
        }
    }

    fn call(&mut self, member: &str, message: &Message) -> zbus::Result<Option<Answer>> {
        if member != "Write" {
            return Ok(None);
        }
        let body = message.body();
        let (_, bytes): (u64, &Bytes) = body.deserialize()?;
        // QEMU sends samples at the rate at which they are played.
        let samples = bytes.as_chunks().0.iter().copied().map(i16::from_le_bytes);
        self.0.out.play(&samples.collect::<Vec<i16>>(), Instant::now());
        Ok(Some(Answer::Done))
    }
}
