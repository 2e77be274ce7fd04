//! Messages to the server: encoder and decoder, and the JSON bodies.

use crate::clipboard::{
    Chunk, ContentType, chunk_bytes, decode_chunk, decode_offer, decode_request, encode_chunk, encode_offer,
};
use crate::encode::{json, message};
use crate::fields::{Fields, fields};
use crate::input::{Button, InputEvent};
use crate::layout::LayoutRequest;
use crate::tile_hashes::TileHashes;
use crate::{Decoded, Direction, Malformed, MessageKind, Recording, layout};
use serde::{Deserialize, Serialize};

/// Greatest key code, `KEY_MAX` of Linux's input-event-codes.h.
const KEY_MAX: u16 = 0x2ff;

/// Body of the first message of a connection: versions and capabilities of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions that the client supports.
    pub versions: Vec<u32>,
    /// The client decodes H.264.
    #[serde(default)]
    pub h264: bool,
    /// The client requests the whole picture as video.
    #[serde(default)]
    pub video_only: bool,
    /// Number of the monitor that the connection shows, from 0.
    #[serde(default)]
    pub screen: u8,
    /// The client kept a picture, and [`ClientMessage::ResumeHashes`] is the next message.
    #[serde(default)]
    pub resume: bool,
}

/// JSON body of the message Settings.
#[derive(Serialize, Deserialize)]
struct Settings {
    video_only: bool,
    #[serde(default)]
    frame_hashes: bool,
}

/// Message from the client to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// Opening of the connection: versions and capabilities of the client.
    Hello(Hello),
    /// Acknowledgement of a presented frame and of all frames before it.
    Ack {
        /// Number of the frame.
        frame_id: u32,
        /// Microseconds from receipt of the frame to its last decoded update.
        decode_us: u32,
        /// Microseconds from receipt of the frame to its presentation.
        present_us: u32,
    },
    /// Input event: message Key, PointerTo, PointerBy, Button or Wheel.
    Input {
        /// Sequence number of the input, counted by the client from 1.
        seq: u32,
        /// Key, pointer or wheel event.
        event: InputEvent,
    },
    /// Release of all keys and buttons that the viewer holds.
    ReleaseAll {
        /// Sequence number of the input, counted by the client from 1.
        seq: u32,
    },
    /// Settings of the picture.
    Settings {
        /// The client requests the whole picture as video.
        video_only: bool,
        /// The client requests FrameHash after every lossless frame.
        frame_hashes: bool,
    },
    /// Probe of the connection with a number that Pong returns.
    Ping(u64),
    /// Request for a full refresh of the picture.
    Refresh,
    /// Failure of the client's video decoder; the server sends no video from then on.
    VideoFailed,
    /// Request for another layout of the monitors.
    LayoutRequest(LayoutRequest),
    /// Types of the user's clipboard contents; none when the clipboard is empty.
    ClipboardOffer(Vec<ContentType>),
    /// Request for clipboard contents that the guest offered.
    ClipboardRequest {
        /// Number of the request, counted by the client.
        request: u32,
        /// Requested type.
        content: ContentType,
    },
    /// Chunk of the clipboard contents that the guest requested.
    ClipboardData(Chunk),
    /// Start of an upload.
    FileStart {
        /// Number of the upload, counted by the client.
        transfer: u32,
        /// Length of the file in bytes.
        size: u64,
        /// Name of the file without folders, as the client has it; any text.
        name: String,
    },
    /// Next bytes of an upload.
    FileData {
        /// Number of the upload.
        transfer: u32,
        /// Next bytes of the file, at most [`crate::MAX_CHUNK`].
        bytes: Vec<u8>,
    },
    /// Cancellation of an upload.
    FileCancel {
        /// Number of the upload.
        transfer: u32,
    },
    /// Switches of playback and recording for the connection.
    Sound {
        /// The client requests the guest's playback.
        playback: bool,
        /// The user's microphone is on, and the client sends Recording.
        capture: bool,
    },
    /// Opus packet from the user's microphone.
    Recording(Recording),
    /// Tile hashes of the picture that the client kept from an earlier connection.
    ResumeHashes(TileHashes),
    /// Acceptance or refusal of a file offer.
    FileAnswer {
        /// Number of the offer, counted by the server.
        offer: u32,
        /// The user accepts the file; `false` declines the offer or cancels the download.
        accept: bool,
    },
    /// Progress of a download.
    FileTaken {
        /// Number of the offer, counted by the server.
        offer: u32,
        /// Bytes of the file that the client has stored.
        received: u64,
    },
}

/// Bit of the message Sound that requests playback.
const SOUND_PLAYBACK: u8 = 1 << 0;
/// Bit of the message Sound that announces Recording.
const SOUND_CAPTURE: u8 = 1 << 1;

impl ClientMessage {
    /// Decodes a message to the server, number first.
    ///
    /// # Errors
    /// [`Malformed`] for an empty message, and for a known number with an invalid body.
    pub fn decode(message: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let (&number, body) = message.split_first().ok_or(Malformed::Empty)?;
        let Some(kind) = MessageKind::from_number(Direction::ToServer, number) else {
            return Ok(Decoded::Unknown(number));
        };
        let known = match kind {
            MessageKind::Hello => {
                Self::Hello(serde_json::from_slice(body).map_err(|_| Malformed::Json("Hello"))?)
            }
            MessageKind::Ack => fields("Ack", body, |ack| {
                Ok(Self::Ack { frame_id: ack.u32()?, decode_us: ack.u32()?, present_us: ack.u32()? })
            })?,
            MessageKind::Key => input("Key", body, |key| {
                let code = key.u16()?;
                if code == 0 || code > KEY_MAX {
                    return Err(key.impossible("code"));
                }
                Ok(InputEvent::Key { code, down: key.flag("state")? })
            })?,
            MessageKind::PointerTo => {
                input("PointerTo", body, |at| Ok(InputEvent::PointerTo { x: at.u16()?, y: at.u16()? }))?
            }
            MessageKind::Button => input("Button", body, |press| {
                let button = button(press.u8()?).ok_or_else(|| press.impossible("button"))?;
                Ok(InputEvent::Button { button, down: press.flag("state")? })
            })?,
            MessageKind::Wheel => {
                input("Wheel", body, |by| Ok(InputEvent::Wheel { dx: by.i16()?, dy: by.i16()? }))?
            }
            MessageKind::ReleaseAll => {
                fields("ReleaseAll", body, |release| Ok(Self::ReleaseAll { seq: seq(release)? }))?
            }
            MessageKind::Settings => {
                let Settings { video_only, frame_hashes } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Settings"))?;
                Self::Settings { video_only, frame_hashes }
            }
            MessageKind::Ping => fields("Ping", body, |ping| Ok(Self::Ping(ping.u64()?)))?,
            MessageKind::Refresh => fields("Refresh", body, |_| Ok(Self::Refresh))?,
            MessageKind::VideoFailed => fields("VideoFailed", body, |_| Ok(Self::VideoFailed))?,
            MessageKind::PointerBy => {
                input("PointerBy", body, |by| Ok(InputEvent::PointerBy { dx: by.i16()?, dy: by.i16()? }))?
            }
            MessageKind::LayoutRequest => Self::LayoutRequest(layout::decode(body)?),
            MessageKind::ClipboardOfferToServer => Self::ClipboardOffer(decode_offer(body)?),
            MessageKind::ClipboardRequestToServer => fields("ClipboardRequest", body, |ask| {
                let (request, content) = decode_request(ask)?;
                Ok(Self::ClipboardRequest { request, content })
            })?,
            MessageKind::ClipboardDataToServer => {
                fields("ClipboardData", body, |data| Ok(Self::ClipboardData(decode_chunk(data)?)))?
            }
            MessageKind::FileStart => fields("FileStart", body, |start| {
                let (transfer, size) = (start.u32()?, start.u64()?);
                let name = std::str::from_utf8(start.rest()).map_err(|_| start.impossible("name"))?;
                Ok(Self::FileStart { transfer, size, name: name.to_owned() })
            })?,
            MessageKind::FileData => fields("FileData", body, |data| {
                Ok(Self::FileData { transfer: data.u32()?, bytes: chunk_bytes(data)? })
            })?,
            MessageKind::FileCancel => {
                fields("FileCancel", body, |cancel| Ok(Self::FileCancel { transfer: cancel.u32()? }))?
            }
            MessageKind::Sound => fields("Sound", body, |sound| {
                let bits = sound.u8()?;
                if bits & !(SOUND_PLAYBACK | SOUND_CAPTURE) != 0 {
                    return Err(sound.impossible("bits"));
                }
                Ok(Self::Sound { playback: bits & SOUND_PLAYBACK != 0, capture: bits & SOUND_CAPTURE != 0 })
            })?,
            MessageKind::Recording => Self::Recording(Recording::decode(body)?),
            MessageKind::ResumeHashes => {
                fields("ResumeHashes", body, |hashes| Ok(Self::ResumeHashes(TileHashes::decode(hashes)?)))?
            }
            MessageKind::FileAnswer => fields("FileAnswer", body, |answer| {
                Ok(Self::FileAnswer { offer: answer.u32()?, accept: answer.flag("answer")? })
            })?,
            MessageKind::FileTaken => fields("FileTaken", body, |taken| {
                Ok(Self::FileTaken { offer: taken.u32()?, received: taken.u64()? })
            })?,
            // Kinds of the other direction, which the lookup does not give.
            MessageKind::Welcome
            | MessageKind::Frame
            | MessageKind::CursorShape
            | MessageKind::CursorMove
            | MessageKind::Leds
            | MessageKind::Notice
            | MessageKind::Pong
            | MessageKind::Closed
            | MessageKind::Audio
            | MessageKind::Agents
            | MessageKind::ClipboardOfferToClient
            | MessageKind::ClipboardRequestToClient
            | MessageKind::ClipboardDataToClient
            | MessageKind::FileStatus
            | MessageKind::Screens
            | MessageKind::FrameHash
            | MessageKind::FileOffer
            | MessageKind::FileContent => return Ok(Decoded::Unknown(number)),
        };
        Ok(Decoded::Known(known))
    }

    /// Returns `true` for a message that acts on the guest, which a viewer who only watches may not send.
    pub fn acts(&self) -> bool {
        match self {
            Self::Input { .. }
            | Self::ReleaseAll { .. }
            | Self::LayoutRequest(_)
            | Self::ClipboardOffer(_)
            | Self::ClipboardRequest { .. }
            | Self::ClipboardData(_)
            | Self::FileStart { .. }
            | Self::FileData { .. }
            | Self::FileCancel { .. }
            | Self::FileAnswer { .. }
            | Self::FileTaken { .. }
            | Self::Recording(_) => true,
            Self::Hello(_)
            | Self::Ack { .. }
            | Self::Settings { .. }
            | Self::Sound { .. }
            | Self::Ping(_)
            | Self::Refresh
            | Self::VideoFailed
            | Self::ResumeHashes(_) => false,
        }
    }

    /// Encoded message, number first.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => json(MessageKind::Hello, hello),
            Self::Ack { frame_id, decode_us, present_us } => message(
                MessageKind::Ack,
                &[&frame_id.to_le_bytes(), &decode_us.to_le_bytes(), &present_us.to_le_bytes()],
            ),
            Self::Input { seq, event } => encode_input(*seq, *event),
            Self::ReleaseAll { seq } => message(MessageKind::ReleaseAll, &[&seq.to_le_bytes()]),
            Self::Settings { video_only, frame_hashes } => json(
                MessageKind::Settings,
                &Settings { video_only: *video_only, frame_hashes: *frame_hashes },
            ),
            Self::Ping(value) => message(MessageKind::Ping, &[&value.to_le_bytes()]),
            Self::Refresh => vec![MessageKind::Refresh.number()],
            Self::VideoFailed => vec![MessageKind::VideoFailed.number()],
            Self::LayoutRequest(request) => layout::encode(request),
            Self::ClipboardOffer(types) => encode_offer(MessageKind::ClipboardOfferToServer, types),
            Self::ClipboardRequest { request, content } => message(
                MessageKind::ClipboardRequestToServer,
                &[&request.to_le_bytes(), content.name().as_bytes()],
            ),
            Self::ClipboardData(chunk) => encode_chunk(MessageKind::ClipboardDataToServer, chunk),
            Self::FileStart { transfer, size, name } => message(
                MessageKind::FileStart,
                &[&transfer.to_le_bytes(), &size.to_le_bytes(), name.as_bytes()],
            ),
            Self::FileData { transfer, bytes } => {
                message(MessageKind::FileData, &[&transfer.to_le_bytes(), bytes])
            }
            Self::FileCancel { transfer } => message(MessageKind::FileCancel, &[&transfer.to_le_bytes()]),
            Self::Sound { playback, capture } => {
                vec![MessageKind::Sound.number(), u8::from(*playback) | u8::from(*capture) << 1]
            }
            Self::Recording(recording) => recording.encode(),
            Self::ResumeHashes(hashes) => {
                let mut out = vec![MessageKind::ResumeHashes.number()];
                hashes.encode(&mut out);
                out
            }
            Self::FileAnswer { offer, accept } => {
                message(MessageKind::FileAnswer, &[&offer.to_le_bytes(), &[(*accept).into()]])
            }
            Self::FileTaken { offer, received } => {
                message(MessageKind::FileTaken, &[&offer.to_le_bytes(), &received.to_le_bytes()])
            }
        }
    }
}

/// Decodes the body of a message with an input event: the sequence number, then the fields of the event.
fn input(
    name: &'static str,
    body: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Result<InputEvent, Malformed>,
) -> Result<ClientMessage, Malformed> {
    fields(name, body, |fields| Ok(ClientMessage::Input { seq: seq(fields)?, event: read(fields)? }))
}

/// Reads a sequence number, which starts at 1.
fn seq(fields: &mut Fields<'_>) -> Result<u32, Malformed> {
    match fields.u32()? {
        0 => Err(fields.impossible("seq")),
        seq => Ok(seq),
    }
}

/// Button with a number of the DOM; `None` above 4.
fn button(number: u8) -> Option<Button> {
    [Button::Left, Button::Middle, Button::Right, Button::Back, Button::Forward]
        .get(usize::from(number))
        .copied()
}

/// Encoded message of an input event.
fn encode_input(seq: u32, event: InputEvent) -> Vec<u8> {
    let seq = &seq.to_le_bytes();
    match event {
        InputEvent::Key { code, down } => {
            message(MessageKind::Key, &[seq, &code.to_le_bytes(), &[down.into()]])
        }
        InputEvent::PointerTo { x, y } => {
            message(MessageKind::PointerTo, &[seq, &x.to_le_bytes(), &y.to_le_bytes()])
        }
        InputEvent::Button { button, down } => {
            let number = match button {
                Button::Left => 0,
                Button::Middle => 1,
                Button::Right => 2,
                Button::Back => 3,
                Button::Forward => 4,
            };
            message(MessageKind::Button, &[seq, &[number, down.into()]])
        }
        InputEvent::Wheel { dx, dy } => {
            message(MessageKind::Wheel, &[seq, &dx.to_le_bytes(), &dy.to_le_bytes()])
        }
        InputEvent::PointerBy { dx, dy } => {
            message(MessageKind::PointerBy, &[seq, &dx.to_le_bytes(), &dy.to_le_bytes()])
        }
    }
}

#[cfg(test)]
mod tests;
