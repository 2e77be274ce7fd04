//! Viewer: one connection of a client that shows a screen.
//!
//! A reader thread decodes messages and passes input to the machine; a writer thread sends frames, audio and
//! control messages. They share a [`crate::inbox::ViewerInbox`]. Authentication is the gateway's part.

mod audio_streams;
mod bandwidth_estimator;
mod flow_control;
mod frame_hashes;
mod frame_source;
mod message_sender;
mod min_rtt;
mod reader;
mod transfer_pacer;
mod writer;

use crate::held_inputs::HeldInputs;
use crate::inbox::CloseReason;
use crate::input::InputSink;
use crate::monitors::Monitors;
use crate::redirection::RedirectionHub;
use audio_streams::AudioStreams;
use message_sender::MessageSender;
use oriel_wire::framing::{ReadError, read_message};
use oriel_wire::{
    Abilities, ClientMessage, CloseCode, Decoded, Hello, MAX_CLIENT_MESSAGE, ServerMessage, TileHashes,
    VERSION, Welcome,
};
use reader::Reader;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// Time limit for the client's handshake messages.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Permissions of a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sees the screen and may send input.
    Interact,
    /// Sees the screen only: its inputs and other acting messages are ignored.
    Watch,
}

/// Outcome of a connection that was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The client closed the connection, or the connection broke.
    Left,
    /// The client violated the protocol, described in one plain sentence that was also sent to the client.
    Malformed(String),
    /// The client supports no protocol version of this server.
    Version,
    /// The client requested a screen that the desktop does not have.
    NoScreen,
    /// The machine has stopped.
    Stopped,
}

/// Error because of which a connection could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Setting up the socket or a thread failed.
    #[error("a viewer's connection could not be set up: {0}")]
    Io(#[from] io::Error),
    /// Allocating an encoder failed.
    #[error("a viewer could not be served: {0}")]
    Encoder(#[from] crate::lossless::encode::CompressError),
}

/// Service of one connected client.
pub struct Viewer;

impl Viewer {
    /// Serves the protocol of `docs/protocol.md` on `stream`, from the client's `Hello` until the connection ends,
    /// and blocks meanwhile. Each message follows its length (`u32`). At the end, keys and buttons that the
    /// client holds down are released.
    ///
    /// # Errors
    /// When the connection cannot be served for want of threads, descriptors or memory.
    pub fn serve(
        stream: UnixStream,
        monitors: Arc<Monitors>,
        input: Arc<dyn InputSink>,
        redirection: Arc<RedirectionHub>,
        mode: Mode,
    ) -> Result<Ended, ServeError> {
        let ended = Self::run(&stream, &monitors, &*input, &redirection, mode);
        // The peer may have closed the socket already, so a shutdown that fails needs no handling.
        let _ = stream.shutdown(Shutdown::Both);
        ended
    }

    /// Performs the handshake, starts the reader thread and runs the writer on this thread.
    fn run(
        stream: &UnixStream,
        monitors: &Arc<Monitors>,
        input: &dyn InputSink,
        redirection: &Arc<RedirectionHub>,
        mode: Mode,
    ) -> Result<Ended, ServeError> {
        stream.set_read_timeout(Some(HELLO_TIMEOUT))?;
        let mut sender = MessageSender::new(stream.try_clone()?)?;
        let (hello, known) = match Self::handshake(stream) {
            Ok(greeting) => greeting,
            Err(ended) => {
                if let Ended::Malformed(text) = &ended {
                    if let Some(first) = monitors.screens().first() {
                        first.counters().malformed_messages.add(1);
                    }
                    sender.send_closed(CloseCode::Malformed, text);
                }
                return Ok(ended);
            }
        };
        if !hello.versions.contains(&VERSION) {
            sender.send_closed(
                CloseCode::Version,
                "This desktop uses version 1 of the display protocol. Reload the page.",
            );
            return Ok(Ended::Version);
        }
        let shown = usize::from(hello.screen);
        let Some(screen) = monitors.screens().get(shown) else {
            let text = format!("This desktop has no screen {}. Close this window.", shown + 1);
            sender.send_closed(CloseCode::Forbidden, &text);
            return Ok(Ended::NoScreen);
        };
        stream.set_read_timeout(None)?;
        let subscribed = screen.subscribe();
        let inbox = subscribed.inbox();
        let size = screen.size().unwrap_or_default();
        let welcome = Welcome {
            version: VERSION,
            width: size.width,
            height: size.height,
            watching: mode == Mode::Watch,
        };
        if sender.send(&ServerMessage::Welcome(welcome).encode(), inbox).is_err() {
            return Ok(Ended::Left);
        }
        // A user with a window for each screen receives audio only on the first.
        let sound = monitors.sound().filter(|_| shown == 0);
        let microphone = sound.is_some() && mode == Mode::Interact;
        let audio_abilities = Abilities { sound: sound.is_some(), microphone, ..Abilities::default() };
        let mut writer = Writer::new(
            monitors,
            (screen, monitors.encode_group(shown)),
            inbox,
            sender,
            &hello,
            mode,
            audio_abilities,
        )?;
        // A client whose picture has another size begins with a blank picture.
        if let Some(known) = known.filter(|known| known.size() == size) {
            writer.resume(known);
        }
        let layout_client = (mode == Mode::Interact).then(|| monitors.join(inbox.viewer(), shown));
        let channel = redirection.join(inbox, mode == Mode::Interact);
        let audio = AudioStreams::new(sound.cloned(), inbox.clone());
        let held = HeldInputs::new(Arc::clone(monitors.held_inputs()));
        let reader = Reader {
            monitors,
            screen,
            shown,
            inbox,
            input,
            layout_client,
            channel,
            audio,
            held,
            last_seq: 0,
        };
        let from = stream.try_clone()?;
        let close_reason = std::thread::scope(|scope| {
            let name = format!("viewer-{}-in", inbox.viewer());
            std::thread::Builder::new().name(name).spawn_scoped(scope, move || reader.run(from))?;
            let close_reason = writer.run();
            // Wakes the reader, which the scope waits for.
            let _ = stream.shutdown(Shutdown::Both);
            io::Result::Ok(close_reason)
        })?;
        Ok(match close_reason {
            CloseReason::Left => Ended::Left,
            CloseReason::Malformed(text) => Ended::Malformed(text),
            CloseReason::Stopped(_) => Ended::Stopped,
        })
    }

    /// Reads the client's `Hello` and, if announced there, the tile hashes of the picture that it has.
    fn handshake(stream: &UnixStream) -> Result<(Hello, Option<TileHashes>), Ended> {
        let hello = match Self::read_handshake_message(stream)? {
            ClientMessage::Hello(hello) => hello,
            _ => return Err(Ended::Malformed("The client's first message was not Hello.".to_owned())),
        };
        if !hello.resume {
            return Ok((hello, None));
        }
        match Self::read_handshake_message(stream)? {
            ClientMessage::ResumeHashes(hashes) => Ok((hello, Some(hashes))),
            _ => Err(Ended::Malformed("The client announced tile hashes and did not send them.".to_owned())),
        }
    }

    /// Reads one message of the handshake.
    fn read_handshake_message(mut stream: &UnixStream) -> Result<ClientMessage, Ended> {
        let mut message = Vec::new();
        match read_message(&mut stream, &mut message, MAX_CLIENT_MESSAGE) {
            Ok(()) => {}
            Err(error @ (ReadError::TooLong { .. } | ReadError::Torn)) => {
                return Err(Ended::Malformed(format!("The client sent {error}.")));
            }
            Err(ReadError::Ended | ReadError::Io(_)) => return Err(Ended::Left),
        }
        match ClientMessage::decode(&message) {
            Ok(Decoded::Known(message)) => Ok(message),
            Ok(Decoded::Unknown(_)) => {
                Err(Ended::Malformed("The client's first message was of an unknown type.".to_owned()))
            }
            Err(error) => Err(Ended::Malformed(format!("The client sent {error}."))),
        }
    }
}
