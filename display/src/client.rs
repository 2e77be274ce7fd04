//! Blocking client of the display protocol over a Unix socket, for tools and tests.
//!
//! Connects to a [`crate::Viewer`] without gateway or WebSocket, applies frames to a [`Canvas`] and
//! acknowledges them.

use crate::canvas::{Canvas, CanvasError};
use oriel_wire::framing::{ReadError, read_message, write_message};
use oriel_wire::{
    Abilities, AudioPacket, ClientMessage, CloseCode, CursorImage, Decoded, FrameHeader, Hello, InputEvent,
    MAX_SERVER_MESSAGE, Malformed, Rect, Screens, ServerMessage, Update, VERSION, Welcome,
};
use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Error that ends a client's connection.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Reading failed or reached the end of the connection; a read timeout is reported here as well.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing to the socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The server sent a message that cannot be decoded.
    #[error("the server sent {0}")]
    Malformed(#[from] Malformed),
    /// The server's first message was not `Welcome`.
    #[error("the server did not answer with a Welcome")]
    NotWelcome,
    /// A frame cannot be applied to the canvas.
    #[error(transparent)]
    Canvas(#[from] CanvasError),
    /// The server ended the connection with the message `Closed`.
    #[error("{text}")]
    Closed {
        /// Reason for programs.
        code: CloseCode,
        /// Reason as a sentence for the user.
        text: String,
    },
}

impl ClientError {
    /// Reports whether a read or write exceeded the timeout of [`Client::set_timeout`].
    pub fn is_timeout(&self) -> bool {
        let (Self::Read(ReadError::Io(error)) | Self::Io(error)) = self else { return false };
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    }
}

/// Summary of a frame that was received and applied to the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Header of the frame.
    pub header: FrameHeader,
    /// Size of the whole message in bytes.
    pub bytes: usize,
    /// Number of updates by kind: copy, lossless, video.
    pub updates: [usize; 3],
    /// Size of all video updates in bytes.
    pub video_bytes: usize,
    /// Region of the screen that each video update's picture covers, in pixels.
    pub video_regions: Vec<Rect>,
    /// Time from the receipt of the message until the canvas was updated.
    pub decode: Duration,
}

/// Largest number of messages queued for [`Client::next_queued_message`]; the oldest is dropped for a newer one.
const MAX_QUEUED: usize = 1024;

/// Client of a desktop's display: one connection and the picture received over it.
pub struct Client {
    stream: UnixStream,
    welcome: Welcome,
    canvas: Canvas,
    /// Flag `exact` of the last frame.
    exact: bool,
    cursor: Option<CursorImage>,
    /// Position (x, y) in pixels of the last `CursorMove`.
    cursor_at: Option<(u16, u16)>,
    /// Keyboard LEDs as in the last message `Leds`.
    leds: Option<u8>,
    screens: Option<Screens>,
    /// Abilities of the guest as in the last message `Agents`.
    agents: Abilities,
    audio: VecDeque<AudioPacket>,
    /// Sequence number of the last input event sent; 0 before the first.
    last_seq: u32,
    /// Buffer of the message that was read last.
    message: Vec<u8>,
    /// Messages about agents, the clipboard and files that were not taken yet, oldest first.
    redirection: VecDeque<ServerMessage>,
    frame_hash_result: Option<FrameHashResult>,
}

/// Result of comparing the client's picture with the tile hashes that the server sent for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHashResult {
    /// Identifier of the frame after which the server computed the hashes.
    pub frame_id: u32,
    /// Equality of the two pictures: true if all tile hashes match.
    pub holds: bool,
}

impl Client {
    /// Opens a session: sends `Hello` and waits for `Welcome`. `h264` offers to decode video.
    ///
    /// # Errors
    /// When the connection fails or the server refuses it.
    pub fn connect(stream: UnixStream, h264: bool) -> Result<Self, ClientError> {
        Self::connect_with(stream, &Hello { versions: vec![VERSION], h264, ..Hello::default() })
    }

    /// As [`Self::connect`], with a `Hello` made by the caller.
    ///
    /// # Errors
    /// When the connection fails or the server refuses it.
    pub fn connect_with(stream: UnixStream, hello: &Hello) -> Result<Self, ClientError> {
        Self::resume(stream, hello, Canvas::new())
    }

    /// As [`Self::connect_with`], but keeps the picture of an earlier connection. With `hello.resume` the
    /// client sends the picture's tile hashes, and the server sends only the tiles that differ.
    ///
    /// # Errors
    /// When the connection fails or the server refuses it.
    pub fn resume(mut stream: UnixStream, hello: &Hello, canvas: Canvas) -> Result<Self, ClientError> {
        write_message(&mut stream, &ClientMessage::Hello(hello.clone()).encode())?;
        if hello.resume {
            write_message(&mut stream, &ClientMessage::ResumeHashes(canvas.hashes()).encode())?;
        }
        let mut message = Vec::new();
        read_message(&mut stream, &mut message, MAX_SERVER_MESSAGE)?;
        let welcome = match ServerMessage::decode(&message)? {
            Decoded::Known(ServerMessage::Welcome(welcome)) => welcome,
            Decoded::Known(ServerMessage::Closed { code, text }) => {
                return Err(ClientError::Closed { code, text });
            }
            _ => return Err(ClientError::NotWelcome),
        };
        Ok(Self {
            stream,
            welcome,
            canvas,
            exact: false,
            cursor: None,
            cursor_at: None,
            leds: None,
            screens: None,
            agents: Abilities::default(),
            audio: VecDeque::new(),
            last_seq: 0,
            message,
            redirection: VecDeque::new(),
            frame_hash_result: None,
        })
    }

    /// Returns the `Welcome`, the server's first message.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Returns the picture.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Reports whether the picture equals the guest's framebuffer pixel for pixel, as of the last frame
    /// received.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Returns the newest comparison with the server's picture; `None` until [`ClientMessage::Settings`] has
    /// requested comparisons and one has arrived.
    pub fn frame_hash_result(&self) -> Option<FrameHashResult> {
        self.frame_hash_result
    }

    /// Closes the connection and returns the picture, for use with [`Self::resume`].
    pub fn into_canvas(self) -> Canvas {
        self.canvas
    }

    /// Returns the guest's cursor image; `None` if hidden or not yet received.
    pub fn cursor(&self) -> Option<&CursorImage> {
        self.cursor.as_ref()
    }

    /// Returns the cursor position (x, y) in pixels that the guest set; `None` if not yet received.
    pub fn cursor_at(&self) -> Option<(u16, u16)> {
        self.cursor_at
    }

    /// Returns the keyboard LEDs as a bit set; `None` if not yet received.
    pub fn leds(&self) -> Option<u8> {
        self.leds
    }

    /// Returns the layout of the guest's screens; `None` if not yet received.
    pub fn screens(&self) -> Option<&Screens> {
        self.screens.as_ref()
    }

    /// Returns the abilities of the guest's agents; all absent until the server has sent them.
    pub fn agents(&self) -> Abilities {
        self.agents
    }

    /// Removes and returns the oldest queued audio packet. The server sends audio only after
    /// [`ClientMessage::Sound`].
    pub fn take_audio(&mut self) -> Option<AudioPacket> {
        self.audio.pop_front()
    }

    /// Removes and returns the oldest queued message about agents, the clipboard or files.
    pub fn take_queued_message(&mut self) -> Option<ServerMessage> {
        self.redirection.pop_front()
    }

    /// Sets the timeout of reads; `None` waits without limit. After a timeout within a message the connection
    /// cannot be used any more.
    ///
    /// # Errors
    /// When the socket rejects the timeout, for example a duration of zero.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    /// Waits for the next frame, applies it and acknowledges it; other messages on the way are processed.
    ///
    /// # Errors
    /// When the connection fails or ends, or the frame cannot be applied.
    pub fn next_frame(&mut self) -> Result<Received, ClientError> {
        let received = self.receive()?;
        self.acknowledge(&received)?;
        Ok(received)
    }

    /// Acknowledges a frame with its decoding time; flow control then permits further messages.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn acknowledge(&mut self, shown: &Received) -> Result<(), ClientError> {
        let decode_us = u32::try_from(shown.decode.as_micros()).unwrap_or(u32::MAX);
        let frame_id = shown.header.frame_id;
        self.send(&ClientMessage::Ack { frame_id, decode_us, present_us: decode_us })
    }

    /// As [`Self::next_frame`], but leaves [`Self::acknowledge`] to the caller.
    ///
    /// # Errors
    /// When the connection fails or ends, or the frame cannot be applied.
    pub fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(received) = self.receive_any()? {
                return Ok(received);
            }
        }
    }

    /// Waits for the next message and processes it; returns a summary if the message is a frame. The caller
    /// acknowledges the frame.
    ///
    /// # Errors
    /// When the connection fails or ends, or the message cannot be processed.
    pub fn receive_any(&mut self) -> Result<Option<Received>, ClientError> {
        read_message(&mut self.stream, &mut self.message, MAX_SERVER_MESSAGE)?;
        let begun = Instant::now();
        match ServerMessage::decode(&self.message)? {
            Decoded::Known(ServerMessage::Frame(frame)) => {
                self.canvas.apply(&frame)?;
                self.exact = frame.header.exact;
                let mut updates = [0; 3];
                let [copies, exacts, videos] = &mut updates;
                let (mut video_bytes, mut video_regions) = (0, Vec::new());
                for update in &frame.updates {
                    match update {
                        Update::Copy { .. } => *copies += 1,
                        Update::Exact { .. } => *exacts += 1,
                        Update::Video(video) => {
                            *videos += 1;
                            video_regions.push(video.region);
                            video_bytes += update.len();
                        }
                    }
                }
                return Ok(Some(Received {
                    header: frame.header,
                    bytes: self.message.len(),
                    updates,
                    video_bytes,
                    video_regions,
                    decode: begun.elapsed(),
                }));
            }
            Decoded::Known(ServerMessage::Closed { code, text }) => {
                return Err(ClientError::Closed { code, text });
            }
            Decoded::Known(ServerMessage::CursorShape(image)) => self.cursor = image,
            Decoded::Known(ServerMessage::CursorMove { x, y }) => self.cursor_at = Some((x, y)),
            Decoded::Known(ServerMessage::Leds(leds)) => self.leds = Some(leds),
            Decoded::Known(ServerMessage::Screens(screens)) => self.screens = Some(screens),
            Decoded::Known(ServerMessage::Audio(packet)) => self.audio.push_back(packet),
            Decoded::Known(ServerMessage::FrameHash { frame_id, hashes }) => {
                self.frame_hash_result =
                    Some(FrameHashResult { frame_id, holds: hashes == self.canvas.hashes() });
            }
            Decoded::Known(
                message @ (ServerMessage::Agents(_)
                | ServerMessage::ClipboardOffer(_)
                | ServerMessage::ClipboardRequest { .. }
                | ServerMessage::ClipboardData(_)
                | ServerMessage::FileStatus(_)
                | ServerMessage::FileOffer(_)
                | ServerMessage::FileContent(_)),
            ) => {
                if let ServerMessage::Agents(abilities) = message {
                    self.agents = abilities;
                }
                if self.redirection.len() == MAX_QUEUED {
                    self.redirection.pop_front();
                }
                self.redirection.push_back(message);
            }
            Decoded::Known(
                ServerMessage::Welcome(_) | ServerMessage::Notice { .. } | ServerMessage::Pong(_),
            )
            | Decoded::Unknown(_) => {}
        }
        Ok(None)
    }

    /// Waits for the next message about agents, the clipboard or files. Frames on the way are applied and
    /// acknowledged; of messages that were not taken, the newest 1024 are kept.
    ///
    /// # Errors
    /// When the connection fails or ends, or a message cannot be processed.
    pub fn next_queued_message(&mut self) -> Result<ServerMessage, ClientError> {
        loop {
            if let Some(message) = self.take_queued_message() {
                return Ok(message);
            }
            if let Some(frame) = self.receive_any()? {
                self.acknowledge(&frame)?;
            }
        }
    }

    /// Sends an input event and returns its sequence number. The frame that answers the event carries the
    /// number in `input_seq`.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send_input(&mut self, event: InputEvent) -> Result<u32, ClientError> {
        self.last_seq += 1;
        self.send(&ClientMessage::Input { seq: self.last_seq, event })?;
        Ok(self.last_seq)
    }

    /// Returns the socket, for callers that continue with the protocol themselves.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send(&mut self, message: &ClientMessage) -> Result<(), ClientError> {
        Ok(write_message(&mut self.stream, &message.encode())?)
    }
}
