//! Messages from the server, frames apart.

use crate::abilities::Abilities;
use crate::client::{self, json, message};
use crate::clipboard::{Chunk, ContentType};
use crate::cursor::CursorImage;
use crate::fields::{Fields, coordinate};
use crate::files::{FileOffer, FileStatus};
use crate::geometry::{Rect, Size};
use crate::tile_hashes::TileHashes;
use crate::{AudioPacket, Decoded, Frame, Malformed};
use serde::{Deserialize, Serialize};

/// The answer to Hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version from here on.
    pub version: u32,
    /// The screen's width now; 0 while the guest has shown nothing.
    pub width: u32,
    /// The screen's height now; 0 while the guest has shown nothing.
    pub height: u32,
    /// Input is ignored.
    pub watching: bool,
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseCode {
    /// No common protocol version.
    Version,
    /// The client broke the protocol.
    Malformed,
    /// The desktop stopped.
    Stopped,
    /// Another viewer took over.
    Replaced,
    /// The person may not.
    Forbidden,
    /// Something failed here.
    Internal,
}

/// The guest's screens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screens {
    /// How many there may be.
    pub max: usize,
    /// Where each lies on the whole desktop, in order; those that are off are empty.
    pub screens: Vec<Rect>,
}

#[derive(Serialize, Deserialize)]
struct NoticeBody {
    kind: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct ClosedBody {
    code: CloseCode,
    text: String,
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// 0x01
    Welcome(Welcome),
    /// 0x02
    Frame(Box<Frame>),
    /// 0x03: the pointer's picture; `None` hides it.
    CursorShape(Option<CursorImage>),
    /// 0x04: where the guest put the pointer's hotspot.
    CursorMove {
        /// Across.
        x: u16,
        /// Down.
        y: u16,
    },
    /// 0x05: bit 0 num, bit 1 caps, bit 2 scroll.
    Leds(u8),
    /// 0x06
    Notice {
        /// For programs.
        kind: String,
        /// For people.
        text: String,
    },
    /// 0x07
    Pong(u64),
    /// 0x08: the last message.
    Closed {
        /// For programs.
        code: CloseCode,
        /// For people.
        text: String,
    },
    /// 0x0F
    Screens(Screens),
    /// 0x0A: what the guest can do now.
    Agents(Abilities),
    /// 0x0B: what the guest has to paste.
    ClipboardOffer(Vec<ContentType>),
    /// 0x0C: the guest pastes what this client offered.
    ClipboardRequest {
        /// The server's number of it.
        request: u32,
        /// In which type.
        content: ContentType,
    },
    /// 0x0D: a piece of what the client asked for.
    ClipboardData(Chunk),
    /// 0x0E: what became of a file.
    FileStatus(FileStatus),
    /// 0x11: the guest sends a file.
    FileOffer(FileOffer),
    /// 0x12: a piece of it.
    FileContent(Chunk),
    /// 0x09
    Audio(AudioPacket),
    /// 0x10: what the client's picture has to be after a frame.
    PictureHash {
        /// Which frame.
        frame_id: u32,
        /// The picture's.
        hashes: TileHashes,
    },
}

impl ServerMessage {
    /// Reads one message.
    ///
    /// # Errors
    /// When a message of a known type is malformed.
    pub fn decode(message: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let (&kind, body) = message.split_first().ok_or(Malformed::Empty)?;
        let mut fields = Fields::new(name(kind), body);
        let known = match kind {
            0x01 => Self::Welcome(serde_json::from_slice(body).map_err(|_| Malformed::Json("Welcome"))?),
            0x02 => return Ok(Decoded::Known(Self::Frame(Box::new(Frame::decode(body)?)))),
            0x03 => return Ok(Decoded::Known(Self::CursorShape(decode_cursor(&mut fields)?))),
            0x04 => Self::CursorMove { x: fields.u16()?, y: fields.u16()? },
            0x05 => Self::Leds(fields.u8()?),
            0x06 => {
                let NoticeBody { kind, text } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Notice"))?;
                return Ok(Decoded::Known(Self::Notice { kind, text }));
            }
            0x07 => Self::Pong(fields.u64()?),
            0x08 => {
                let ClosedBody { code, text } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Closed"))?;
                return Ok(Decoded::Known(Self::Closed { code, text }));
            }
            0x0F => Self::Screens(serde_json::from_slice(body).map_err(|_| Malformed::Json("Screens"))?),
            0x0A => {
                let abilities = serde_json::from_slice(body).map_err(|_| Malformed::Json("Agents"))?;
                return Ok(Decoded::Known(Self::Agents(abilities)));
            }
            0x0B => return Ok(Decoded::Known(Self::ClipboardOffer(client::offer(body)?))),
            0x0C => {
                let (request, content) = client::clipboard_request(&mut fields)?;
                Self::ClipboardRequest { request, content }
            }
            0x0D => Self::ClipboardData(client::piece(&mut fields)?),
            0x0E => {
                let status = serde_json::from_slice(body).map_err(|_| Malformed::Json("FileStatus"))?;
                return Ok(Decoded::Known(Self::FileStatus(status)));
            }
            0x11 => {
                let offer = serde_json::from_slice(body).map_err(|_| Malformed::Json("FileOffer"))?;
                return Ok(Decoded::Known(Self::FileOffer(offer)));
            }
            0x12 => Self::FileContent(client::piece(&mut fields)?),
            0x09 => return Ok(Decoded::Known(Self::Audio(AudioPacket::decode(body)?))),
            0x10 => Self::PictureHash { frame_id: fields.u32()?, hashes: TileHashes::decode(&mut fields)? },
            unknown => return Ok(Decoded::Unknown(unknown)),
        };
        if !matches!(known, Self::Welcome(_) | Self::Screens(_)) {
            fields.end()?;
        }
        Ok(Decoded::Known(known))
    }

    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Welcome(welcome) => json(0x01, welcome),
            Self::Frame(frame) => frame.encode(),
            Self::CursorShape(image) => encode_cursor(image.as_ref()),
            Self::CursorMove { x, y } => {
                let ([a, b], [c, d]) = (x.to_le_bytes(), y.to_le_bytes());
                vec![0x04, a, b, c, d]
            }
            Self::Leds(leds) => vec![0x05, *leds],
            Self::Notice { kind, text } => json(0x06, &NoticeBody { kind: kind.clone(), text: text.clone() }),
            Self::Pong(value) => [&[0x07], &value.to_le_bytes()[..]].concat(),
            Self::Closed { code, text } => json(0x08, &ClosedBody { code: *code, text: text.clone() }),
            Self::Screens(screens) => json(0x0F, screens),
            Self::Agents(abilities) => json(0x0A, abilities),
            Self::ClipboardOffer(types) => client::encode_offer(0x0B, types),
            Self::ClipboardRequest { request, content } => {
                message(0x0C, &[&request.to_le_bytes(), content.name().as_bytes()])
            }
            Self::ClipboardData(piece) => client::encode_piece(0x0D, piece),
            Self::FileStatus(status) => json(0x0E, status),
            Self::FileOffer(offer) => json(0x11, offer),
            Self::FileContent(piece) => client::encode_piece(0x12, piece),
            Self::Audio(packet) => packet.encode(),
            Self::PictureHash { frame_id, hashes } => {
                let mut out = message(0x10, &[&frame_id.to_le_bytes()]);
                hashes.encode(&mut out);
                out
            }
        }
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        0x03 => "CursorShape",
        0x04 => "CursorMove",
        0x05 => "Leds",
        0x07 => "Pong",
        0x0C => "ClipboardRequest",
        0x0D => "ClipboardData",
        0x10 => "PictureHash",
        0x12 => "FileContent",
        _ => "server",
    }
}

/// CursorShape without an owned message around it.
pub fn encode_cursor(image: Option<&CursorImage>) -> Vec<u8> {
    let mut out = vec![0x03];
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
mod tests {
    use super::*;
    use crate::files::FileState;

    fn round_trip(message: ServerMessage) {
        assert_eq!(ServerMessage::decode(&message.encode()), Ok(Decoded::Known(message)));
    }

    #[test]
    fn every_message_survives_the_trip() {
        round_trip(ServerMessage::Welcome(Welcome {
            version: 1,
            width: 1920,
            height: 1080,
            watching: false,
        }));
        round_trip(ServerMessage::CursorShape(None));
        round_trip(ServerMessage::CursorShape(Some(CursorImage {
            size: Size::new(3, 2),
            hot_x: 1,
            hot_y: 0,
            rgba: (0..24).collect(),
        })));
        round_trip(ServerMessage::CursorMove { x: 7, y: 65535 });
        round_trip(ServerMessage::Leds(5));
        round_trip(ServerMessage::Notice { kind: "idle".into(), text: "It stops soon.".into() });
        round_trip(ServerMessage::Pong(1 << 40));
        round_trip(ServerMessage::Audio(AudioPacket { sequence: 7, time_us: 1 << 50, opus: vec![0xFC, 9] }));
        round_trip(ServerMessage::Closed { code: CloseCode::Stopped, text: "It was shut down.".into() });
        let screens = vec![Rect::new(0, 0, 1920, 1080), Rect::default()];
        round_trip(ServerMessage::Screens(Screens { max: 2, screens }));
        round_trip(ServerMessage::Agents(Abilities { clipboard: true, ..Abilities::default() }));
        round_trip(ServerMessage::ClipboardOffer(vec![]));
        round_trip(ServerMessage::ClipboardRequest { request: 1, content: ContentType::Text });
        let piece = Chunk { request: 2, last: true, failed: false, bytes: vec![7; 9] };
        round_trip(ServerMessage::ClipboardData(piece.clone()));
        round_trip(ServerMessage::FileContent(piece));
        round_trip(ServerMessage::FileOffer(FileOffer {
            offer: 4, name: "größe.pdf".into(), size: 1 << 40
        }));
        let status =
            FileStatus { transfer: 3, state: FileState::Failed, received: 4, text: Some("No.".into()) };
        round_trip(ServerMessage::FileStatus(status));
        let hashes = TileHashes::new(Size::new(70, 10), vec![1, 2]).unwrap();
        round_trip(ServerMessage::PictureHash { frame_id: 5, hashes });
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        let closed = ServerMessage::Closed { code: CloseCode::Malformed, text: "x".into() };
        assert_eq!(closed.encode(), b"\x08{\"code\":\"malformed\",\"text\":\"x\"}");
        let status = FileStatus { transfer: 3, state: FileState::Progress, received: 4, text: None };
        assert_eq!(
            ServerMessage::FileStatus(status).encode(),
            b"\x0e{\"transfer\":3,\"state\":\"progress\",\"received\":4}"
        );
        let offer = FileOffer { offer: 4, name: "a".into(), size: 5 };
        assert_eq!(ServerMessage::FileOffer(offer).encode(), b"\x11{\"offer\":4,\"name\":\"a\",\"size\":5}");
        assert_eq!(
            ServerMessage::ClipboardOffer(vec![ContentType::Text]).encode(),
            b"\x0b{\"types\":[\"text/plain\"]}"
        );
        let audio = AudioPacket { sequence: 2, time_us: 3, opus: vec![0xFC] };
        assert_eq!(audio.encode(), [9, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xFC]);
        assert!(ServerMessage::decode(&audio.encode()[..13]).is_err(), "sound without a packet");
    }
}
