//! Common part of QEMU's two audio listener interfaces: negotiation of the sample format and stream control.

use super::server::{self, DbusHandler};
use crate::error::CommandError;
use oriel_display::audio::{CHANNELS, RATE};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Receiver;
use zbus::{Connection, Message};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Body of the call `Init` (QEMU's `AudioOutListener` and `AudioInListener`): identifier, bits per sample,
/// signed, floating point, frequency in Hz, channels, bytes per frame, bytes per second, big-endian.
type Init = (u64, u8, bool, bool, u32, u8, u32, u32, bool);

/// Successful reply to an audio call.
pub(super) enum Answer {
    /// Empty reply.
    Done,
    /// Samples for the guest's recording.
    Bytes(Vec<u8>),
}

/// Handler of one direction of sound.
pub(super) trait Stream: Send + 'static {
    /// Starts or resumes the stream (`true`), or pauses or ends it (`false`).
    fn enabled(&mut self, on: bool);
    /// Executes a call that is specific to the direction; `None` if there is no such method.
    fn call(&mut self, member: &str, message: &Message) -> zbus::Result<Option<Answer>>;
}

/// Serves an audio listener on `socket`; see [`server::serve`].
///
/// # Errors
/// When the thread cannot be created.
pub(super) fn serve(
    name: &str,
    socket: UnixStream,
    stream: impl Stream,
) -> io::Result<Receiver<Result<(), CommandError>>> {
    server::serve(name, socket, Samples(stream))
}

/// D-Bus handler for the calls that both directions have in common.
struct Samples<S>(S);

impl<S: Stream> DbusHandler for Samples<S> {
    type Outcome = zbus::Result<Option<Answer>>;

    fn handle(&mut self, message: &Message) -> Self::Outcome {
        handle(message, &mut self.0)
    }

    async fn reply(connection: &Connection, message: &Message, outcome: Self::Outcome) -> zbus::Result<()> {
        let header = message.header();
        match outcome {
            Ok(Some(Answer::Done)) => connection.reply(&header, &()).await,
            Ok(Some(Answer::Bytes(bytes))) => {
                connection.reply(&header, &serde_bytes::Bytes::new(&bytes)).await
            }
            Ok(None) => {
                let unknown = "org.freedesktop.DBus.Error.UnknownMethod";
                connection.reply_error(&header, unknown, &"there is no such method").await
            }
            Err(error) => {
                oriel_vmm_api::log_limited!(debug, %error, call = ?header.member(), "refused a call about sound");
                let invalid = "org.freedesktop.DBus.Error.InvalidArgs";
                connection.reply_error(&header, invalid, &error.to_string()).await
            }
        }
    }

    fn ended(&mut self) {
        self.0.enabled(false);
    }
}

/// Executes one audio call; `None` if there is no such method.
fn handle(message: &Message, stream: &mut impl Stream) -> zbus::Result<Option<Answer>> {
    let header = message.header();
    if header.interface().is_some_and(|interface| interface.as_str() == PROPERTIES) {
        return Ok(None);
    }
    let member = header.member().map_or("", |member| member.as_str());
    match member {
        "Init" => {
            let (_, bits, signed, float, frequency, channels, _, _, big_endian): Init =
                message.body().deserialize()?;
            let supported = bits == 16 && signed && !float && !big_endian;
            if !supported || frequency != RATE || usize::from(channels) != CHANNELS {
                return Err(zbus::Error::Failure("sound comes as 48 kHz, stereo, 16 bits".to_owned()));
            }
        }
        "Fini" => stream.enabled(false),
        "SetEnabled" => {
            let (_, on): (u64, bool) = message.body().deserialize()?;
            stream.enabled(on);
        }
        // The guest's card has no mixer, so there is no volume to apply.
        "SetVolume" => {}
        other => return stream.call(other, message),
    }
    Ok(Some(Answer::Done))
}
