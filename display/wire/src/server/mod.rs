//! Messages to the client: encoder and decoder, and the JSON bodies. Frames are in the module `frame`.

use crate::abilities::Abilities;
use crate::clipboard::{
    Chunk, ContentType, decode_chunk, decode_offer, decode_request, encode_chunk, encode_offer,
};
use crate::cursor::CursorImage;
use crate::encode::{json, message};
use crate::fields::{Fields, coordinate};
use crate::files::{FileOffer, FileStatus};
use crate::geometry::{Rect, Size};
use crate::tile_hashes::TileHashes;
use crate::{AudioPacket, Decoded, Direction, Frame, Malformed, MessageKind};
use serde::{Deserialize, Serialize};

/// Body of the message Welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Protocol version that the connection uses.
    pub version: u32,
    /// Present width of the screen in pixels; 0 until the guest draws.
    pub width: u32,
    /// Present height of the screen in pixels; 0 until the guest draws.
    pub height: u32,
    /// The viewer only watches: the server ignores input.
    pub watching: bool,
}

/// Reason for which the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseCode {
    /// Client and server have no protocol version in common.
    Version,
    /// The client sent a malformed message.
    Malformed,
    /// The desktop stopped.
    Stopped,
    /// Another viewer took the connection's place.
    Replaced,
    /// The user may not view the desktop.
    Forbidden,
    /// Something failed in the server.
    Internal,
}

/// Body of the message Screens: layout of the guest's monitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screens {
    /// Greatest number of monitors that the desktop may have.
    pub max: usize,
    /// Rectangle of each monitor on the whole desktop, in order; empty for a monitor that is off.
    pub screens: Vec<Rect>,
}

/// JSON body of the message Notice.
#[derive(Serialize, Deserialize)]
struct NoticeBody {
    kind: String,
    text: String,
}

/// JSON body of the message Closed.
#[derive(Serialize, Deserialize)]
struct ClosedBody {
    code: CloseCode,
    text: String,
}

/// Message from the server to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// Answer to Hello: protocol version, size of the screen and role of the viewer.
    Welcome(Welcome),
    /// Updates of the picture that the client presents at once.
    Frame(Box<Frame>),
    /// Image of the guest's pointer; `None` hides the pointer.
    CursorShape(Option<CursorImage>),
    /// Position of the guest's pointer on the screen.
    CursorMove {
        /// Column of the hotspot in pixels.
        x: u16,
        /// Row of the hotspot in pixels.
        y: u16,
    },
    /// State of the keyboard's lights: bit 0 num lock, bit 1 caps lock, bit 2 scroll lock.
    Leds(u8),
    /// Notice to the user about the desktop.
    Notice {
        /// Kind of the notice, for programs, such as `starting`.
        kind: String,
        /// Text of the notice: one plain sentence.
        text: String,
    },
    /// Answer to Ping, with the number of the Ping.
    Pong(u64),
    /// End of the connection; no message follows.
    Closed {
        /// Reason for programs.
        code: CloseCode,
        /// Reason for the user: one plain sentence.
        text: String,
    },
    /// Layout of the guest's monitors, after Welcome and at each change.
    Screens(Screens),
    /// Capabilities of the guest, after Welcome and at each change.
    Agents(Abilities),
    /// Types of the guest's clipboard contents; none when the clipboard is empty.
    ClipboardOffer(Vec<ContentType>),
    /// Request of the guest for clipboard contents that the client offered.
    ClipboardRequest {
        /// Number of the request, counted by the server.
        request: u32,
        /// Requested type.
        content: ContentType,
    },
    /// Chunk of the clipboard contents that the client requested.
    ClipboardData(Chunk),
    /// State of an upload of the client.
    FileStatus(FileStatus),
    /// Offer of a file that the guest sends.
    FileOffer(FileOffer),
    /// Chunk of a file that the client accepted, or the withdrawal of an offer.
    FileContent(Chunk),
    /// Opus packet of the guest's playback.
    Audio(AudioPacket),
    /// Tile hashes that the client's picture must have after a frame.
    FrameHash {
        /// Number of the frame.
        frame_id: u32,
        /// Tile hashes of the picture.
        hashes: TileHashes,
    },
}

impl ServerMessage {
    /// Decodes a message to the client, number first.
    ///
    /// # Errors
    /// [`Malformed`] for an empty message, and for a known number with an invalid body.
    pub fn decode(message: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let (&number, body) = message.split_first().ok_or(Malformed::Empty)?;
        let Some(kind) = MessageKind::from_number(Direction::ToClient, number) else {
            return Ok(Decoded::Unknown(number));
        };
        let mut fields = Fields::new(kind.name(), body);
        let known = match kind {
            MessageKind::Welcome => {
                Self::Welcome(serde_json::from_slice(body).map_err(|_| Malformed::Json("Welcome"))?)
            }
            MessageKind::Frame => return Ok(Decoded::Known(Self::Frame(Box::new(Frame::decode(body)?)))),
            MessageKind::CursorShape => {
                return Ok(Decoded::Known(Self::CursorShape(decode_cursor(&mut fields)?)));
            }
            MessageKind::CursorMove => Self::CursorMove { x: fields.u16()?, y: fields.u16()? },
            MessageKind::Leds => Self::Leds(fields.u8()?),
            MessageKind::Notice => {
                let NoticeBody { kind, text } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Notice"))?;
                return Ok(Decoded::Known(Self::Notice { kind, text }));
            }
            MessageKind::Pong => Self::Pong(fields.u64()?),
            MessageKind::Closed => {
                let ClosedBody { code, text } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Closed"))?;
                return Ok(Decoded::Known(Self::Closed { code, text }));
            }
            MessageKind::Screens => {
                Self::Screens(serde_json::from_slice(body).map_err(|_| Malformed::Json("Screens"))?)
            }
            MessageKind::Agents => {
                let abilities = serde_json::from_slice(body).map_err(|_| Malformed::Json("Agents"))?;
                return Ok(Decoded::Known(Self::Agents(abilities)));
            }
            MessageKind::ClipboardOfferToClient => {
                return Ok(Decoded::Known(Self::ClipboardOffer(decode_offer(body)?)));
            }
            MessageKind::ClipboardRequestToClient => {
                let (request, content) = decode_request(&mut fields)?;
                Self::ClipboardRequest { request, content }
            }
            MessageKind::ClipboardDataToClient => Self::ClipboardData(decode_chunk(&mut fields)?),
            MessageKind::FileStatus => {
                let status = serde_json::from_slice(body).map_err(|_| Malformed::Json("FileStatus"))?;
                return Ok(Decoded::Known(Self::FileStatus(status)));
            }
            MessageKind::FileOffer => {
                let offer = serde_json::from_slice(body).map_err(|_| Malformed::Json("FileOffer"))?;
                return Ok(Decoded::Known(Self::FileOffer(offer)));
            }
            MessageKind::FileContent => Self::FileContent(decode_chunk(&mut fields)?),
            MessageKind::Audio => return Ok(Decoded::Known(Self::Audio(AudioPacket::decode(body)?))),
            MessageKind::FrameHash => {
                Self::FrameHash { frame_id: fields.u32()?, hashes: TileHashes::decode(&mut fields)? }
            }
            // Kinds of the other direction, which the lookup does not give.
            MessageKind::Hello
            | MessageKind::Ack
            | MessageKind::Key
            | MessageKind::PointerTo
            | MessageKind::Button
            | MessageKind::Wheel
            | MessageKind::ReleaseAll
            | MessageKind::Settings
            | MessageKind::Ping
            | MessageKind::Refresh
            | MessageKind::VideoFailed
            | MessageKind::PointerBy
            | MessageKind::LayoutRequest
            | MessageKind::ClipboardOfferToServer
            | MessageKind::ClipboardRequestToServer
            | MessageKind::ClipboardDataToServer
            | MessageKind::FileStart
            | MessageKind::FileData
            | MessageKind::FileCancel
            | MessageKind::Sound
            | MessageKind::Recording
            | MessageKind::ResumeHashes
            | MessageKind::FileAnswer
            | MessageKind::FileTaken => return Ok(Decoded::Unknown(number)),
        };
        if !matches!(known, Self::Welcome(_) | Self::Screens(_)) {
            fields.end()?;
        }
        Ok(Decoded::Known(known))
    }

    /// Encoded message, number first.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Welcome(welcome) => json(MessageKind::Welcome, welcome),
            Self::Frame(frame) => frame.encode(),
            Self::CursorShape(image) => encode_cursor(image.as_ref()),
            Self::CursorMove { x, y } => {
                let ([a, b], [c, d]) = (x.to_le_bytes(), y.to_le_bytes());
                vec![MessageKind::CursorMove.number(), a, b, c, d]
            }
            Self::Leds(leds) => vec![MessageKind::Leds.number(), *leds],
            Self::Notice { kind, text } => {
                json(MessageKind::Notice, &NoticeBody { kind: kind.clone(), text: text.clone() })
            }
            Self::Pong(value) => [&[MessageKind::Pong.number()], &value.to_le_bytes()[..]].concat(),
            Self::Closed { code, text } => {
                json(MessageKind::Closed, &ClosedBody { code: *code, text: text.clone() })
            }
            Self::Screens(screens) => json(MessageKind::Screens, screens),
            Self::Agents(abilities) => json(MessageKind::Agents, abilities),
            Self::ClipboardOffer(types) => encode_offer(MessageKind::ClipboardOfferToClient, types),
            Self::ClipboardRequest { request, content } => message(
                MessageKind::ClipboardRequestToClient,
                &[&request.to_le_bytes(), content.name().as_bytes()],
            ),
            Self::ClipboardData(chunk) => encode_chunk(MessageKind::ClipboardDataToClient, chunk),
            Self::FileStatus(status) => json(MessageKind::FileStatus, status),
            Self::FileOffer(offer) => json(MessageKind::FileOffer, offer),
            Self::FileContent(chunk) => encode_chunk(MessageKind::FileContent, chunk),
            Self::Audio(packet) => packet.encode(),
            Self::FrameHash { frame_id, hashes } => {
                let mut out = message(MessageKind::FrameHash, &[&frame_id.to_le_bytes()]);
                hashes.encode(&mut out);
                out
            }
        }
    }
}

/// Encoded message CursorShape of a borrowed image; `None` hides the pointer.
pub fn encode_cursor(image: Option<&CursorImage>) -> Vec<u8> {
    let mut out = vec![MessageKind::CursorShape.number()];
    let Some(image) = image else {
        out.extend_from_slice(&[0; 8]);
        return out;
    };
    for value in [image.size.width, image.size.height, image.hot_x, image.hot_y] {
        out.extend_from_slice(&coordinate(value).to_le_bytes());
    }
    out.extend_from_slice(&image.rgba);
    out
}

/// Decodes the fields of the message CursorShape; an image of 0x0 pixels is a hidden pointer.
fn decode_cursor(fields: &mut Fields<'_>) -> Result<Option<CursorImage>, Malformed> {
    let size = Size::new(fields.u16()?.into(), fields.u16()?.into());
    let (hot_x, hot_y) = (fields.u16()?.into(), fields.u16()?.into());
    let rgba = fields.rest().to_vec();
    if rgba.len() as u64 != u64::from(size.width) * u64::from(size.height) * 4 {
        return Err(Malformed::Length("CursorShape"));
    }
    Ok((!rgba.is_empty()).then_some(CursorImage { size, hot_x, hot_y, rgba }))
}

#[cfg(test)]
mod tests;
