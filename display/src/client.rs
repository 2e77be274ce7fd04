//! The client's end of a connection, for tools and tests.

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

/// Why a client cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection ended or failed; a read that timed out is here as well.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The server broke the protocol.
    #[error("the server sent {0}")]
    Malformed(#[from] Malformed),
    /// The server began with something else than Welcome.
    #[error("the server did not answer with a Welcome")]
    NotWelcome,
    /// A frame that cannot be shown.
    #[error(transparent)]
    Canvas(#[from] CanvasError),
    /// The server ended the connection.
    #[error("{text}")]
    Closed {
        /// For programs.
        code: CloseCode,
        /// For people.
        text: String,
    },
}

impl ClientError {
    /// Whether this is a read that took longer than [`Client::set_patience`] allows.
    pub fn is_timeout(&self) -> bool {
        let (Self::Read(ReadError::Io(error)) | Self::Io(error)) = self else { return false };
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    }
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The frame about itself.
    pub header: FrameHeader,
    /// Bytes of the whole message.
    pub bytes: usize,
    /// Updates by kind: copy, exact, video.
    pub updates: [usize; 3],
    /// Bytes of the video updates.
    pub video_bytes: usize,
    /// What each video update's picture covers.
    pub video_regions: Vec<Rect>,
    /// From receipt to decoded.
    pub decode: Duration,
}

/// Messages kept for [`Client::next_told`].
const MAX_TOLD: usize = 1024;

/// A connected client with its picture.
pub struct Client {
    stream: UnixStream,
    welcome: Welcome,
    canvas: Canvas,
    exact: bool,
    cursor: Option<CursorImage>,
    cursor_at: Option<(u16, u16)>,
    leds: Option<u8>,
    screens: Option<Screens>,
    agents: Abilities,
    audio: VecDeque<AudioPacket>,
    last_seq: u32,
    message: Vec<u8>,
    told: VecDeque<ServerMessage>,
    proof: Option<Proof>,
}

/// Whether the client's picture is what the server says it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The frame that made the picture.
    pub frame_id: u32,
    /// Both ends have the same pixels.
    pub holds: bool,
}

impl Client {
    /// Says Hello and waits for the Welcome. `h264` offers to decode video.
    ///
    /// # Errors
    /// When the connection fails or the server refuses.
    pub fn connect(stream: UnixStream, h264: bool) -> Result<Self, ClientError> {
        Self::connect_with(stream, &Hello { versions: vec![VERSION], h264, ..Hello::default() })
    }

    /// As [`Self::connect`], with a Hello of one's own.
    ///
    /// # Errors
    /// When the connection fails or the server refuses.
    pub fn connect_with(stream: UnixStream, hello: &Hello) -> Result<Self, ClientError> {
        Self::resume(stream, hello, Canvas::new())
    }

    /// As [`Self::connect_with`], with the picture of an earlier connection: the server brings only
    /// what has changed since if `hello.resume` is set.
    ///
    /// # Errors
    /// When the connection fails or the server refuses.
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
            told: VecDeque::new(),
            proof: None,
        })
    }

    /// What the server said first.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The picture.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Whether the picture is what the guest shows to the last bit, as far as frames have come.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The newest comparison with the server's picture. There is none before
    /// [`ClientMessage::Settings`] asked for it.
    pub fn proof(&self) -> Option<Proof> {
        self.proof
    }

    /// The picture, for another connection.
    pub fn into_canvas(self) -> Canvas {
        self.canvas
    }

    /// The guest's pointer picture, as far as it was sent.
    pub fn cursor(&self) -> Option<&CursorImage> {
        self.cursor.as_ref()
    }

    /// Where the guest put its pointer, as far as it was sent.
    pub fn cursor_at(&self) -> Option<(u16, u16)> {
        self.cursor_at
    }

    /// The keyboard lights, as far as they were sent.
    pub fn leds(&self) -> Option<u8> {
        self.leds
    }

    /// The guest's screens, as far as they were sent.
    pub fn screens(&self) -> Option<&Screens> {
        self.screens.as_ref()
    }

    /// What the guest can do, as far as the server told.
    pub fn agents(&self) -> Abilities {
        self.agents
    }

    /// The oldest packet of sound that came and was not taken yet. None comes before
    /// [`ClientMessage::Sound`] asked for it.
    pub fn take_audio(&mut self) -> Option<AudioPacket> {
        self.audio.pop_front()
    }

    /// The oldest message about agents, the clipboard or files that came and was not taken yet.
    pub fn take_told(&mut self) -> Option<ServerMessage> {
        self.told.pop_front()
    }

    /// How long to wait for a message; `None` is for ever. After a timeout in the middle of a
    /// message the connection is of no further use.
    ///
    /// # Errors
    /// When the socket refuses.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(patience)
    }

    /// Waits for the next frame, shows it and acknowledges it; other messages are taken on the way.
    ///
    /// # Errors
    /// When none comes, or it cannot be shown.
    pub fn next_frame(&mut self) -> Result<Received, ClientError> {
        let received = self.receive()?;
        self.acknowledge(&received)?;
        Ok(received)
    }

    /// Tells the server that a frame is shown: more come, and other messages at the line's pace.
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
    /// When no frame comes, or it cannot be shown.
    pub fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(received) = self.receive_any()? {
                return Ok(received);
            }
        }
    }

    /// Takes the next message, whatever it is; a frame is shown and returned.
    ///
    /// # Errors
    /// When no message comes, or it cannot be used.
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
                self.proof = Some(Proof { frame_id, holds: hashes == self.canvas.hashes() });
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
                if self.told.len() == MAX_TOLD {
                    self.told.pop_front();
                }
                self.told.push_back(message);
            }
            Decoded::Known(
                ServerMessage::Welcome(_) | ServerMessage::Notice { .. } | ServerMessage::Pong(_),
            )
            | Decoded::Unknown(_) => {}
        }
        Ok(None)
    }

    /// Waits for the next message about agents, the clipboard or files; frames that come on the way
    /// are shown and acknowledged. Of messages that nobody waited for the newest are kept.
    ///
    /// # Errors
    /// When none comes.
    pub fn next_told(&mut self) -> Result<ServerMessage, ClientError> {
        loop {
            if let Some(told) = self.take_told() {
                return Ok(told);
            }
            if let Some(frame) = self.receive_any()? {
                self.acknowledge(&frame)?;
            }
        }
    }

    /// Sends an input; gives the number that the frame which answers it carries as `input_seq`.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send_input(&mut self, event: InputEvent) -> Result<u32, ClientError> {
        self.last_seq += 1;
        self.send(&ClientMessage::Input { seq: self.last_seq, event })?;
        Ok(self.last_seq)
    }

    /// The connection itself, for whoever goes on by hand.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Sends any message.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send(&mut self, message: &ClientMessage) -> Result<(), ClientError> {
        Ok(write_message(&mut self.stream, &message.encode())?)
    }
}
