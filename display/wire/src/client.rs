//! Messages from the client.

use crate::clipboard::{Chunk, ContentType, MAX_CHUNK};
use crate::fields::Fields;
use crate::input::{Button, InputEvent};
use crate::layout::LayoutRequest;
use crate::tile_hashes::TileHashes;
use crate::{Decoded, Malformed, Recording, layout};
use serde::{Deserialize, Serialize};

/// The last code of input-event-codes.h (`KEY_MAX`).
const KEY_MAX: u16 = 0x2ff;

/// The first message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Every protocol version that the client speaks.
    pub versions: Vec<u32>,
    /// It can decode H.264.
    #[serde(default)]
    pub h264: bool,
    /// It wants everything as video.
    #[serde(default)]
    pub video_only: bool,
    /// Which screen this connection shows.
    #[serde(default)]
    pub screen: u8,
    /// [`ClientMessage::ResumeHashes`] follows.
    #[serde(default)]
    pub known: bool,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    video_only: bool,
    #[serde(default)]
    prove: bool,
}

/// A message from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// 0x81
    Hello(Hello),
    /// 0x82: a frame was presented.
    Ack {
        /// Which.
        frame_id: u32,
        /// From receipt to decoded.
        decode_us: u32,
        /// From receipt to painted.
        present_us: u32,
    },
    /// 0x83 to 0x86 and 0x8C.
    Input {
        /// The client's number of it.
        seq: u32,
        /// What was done.
        event: InputEvent,
    },
    /// 0x87: let go of all keys and buttons.
    ReleaseAll {
        /// The client's number of it.
        seq: u32,
    },
    /// 0x88
    Settings {
        /// Everything as video.
        video_only: bool,
        /// Send the picture's hashes whenever it is exact.
        prove: bool,
    },
    /// 0x89
    Ping(u64),
    /// 0x8A: a whole new picture, please.
    Refresh,
    /// 0x8B: the video decoder failed.
    VideoFailed,
    /// 0x8D: what the screens are to be.
    Resize(LayoutRequest),
    /// 0x8E: the person's clipboard has something in these types.
    ClipboardOffer(Vec<ContentType>),
    /// 0x8F: the person pastes what the guest offered.
    ClipboardRequest {
        /// The client's number of it.
        request: u32,
        /// In which type.
        content: ContentType,
    },
    /// 0x90: a piece of what the guest asked for.
    ClipboardData(Chunk),
    /// 0x91: a file follows.
    FileStart {
        /// The client's number of it.
        transfer: u32,
        /// Its bytes.
        size: u64,
        /// Its name, as the client has it.
        name: String,
    },
    /// 0x92
    FileData {
        /// Of which file.
        transfer: u32,
        /// The next ones, at most [`MAX_CHUNK`].
        bytes: Vec<u8>,
    },
    /// 0x93
    FileCancel {
        /// Which file.
        transfer: u32,
    },
    /// 0x94
    Sound {
        /// Send what the guest plays.
        listen: bool,
        /// Recording will come: the person's microphone is on.
        speak: bool,
    },
    /// 0x95
    Recording(Recording),
    /// 0x96: what the client's picture is, from an earlier connection.
    ResumeHashes(TileHashes),
    /// 0x97: whether the person wants (or still wants) what the guest sends.
    FileAnswer {
        /// The server's number of it.
        offer: u32,
        /// They do.
        accept: bool,
    },
    /// 0x98
    FileTaken {
        /// The server's number of it.
        offer: u32,
        /// Bytes of it that have been stored.
        received: u64,
    },
}

const SOUND_LISTEN: u8 = 1 << 0;
const SOUND_SPEAK: u8 = 1 << 1;

impl ClientMessage {
    /// Reads one message.
    ///
    /// # Errors
    /// When a message of a known type is malformed.
    pub fn decode(message: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let (&kind, body) = message.split_first().ok_or(Malformed::Empty)?;
        let known = match kind {
            0x81 => Self::Hello(serde_json::from_slice(body).map_err(|_| Malformed::Json("Hello"))?),
            0x82 => fields("Ack", body, |ack| {
                Ok(Self::Ack { frame_id: ack.u32()?, decode_us: ack.u32()?, present_us: ack.u32()? })
            })?,
            0x83 => input("Key", body, |key| {
                let code = key.u16()?;
                if code == 0 || code > KEY_MAX {
                    return Err(key.impossible("code"));
                }
                Ok(InputEvent::Key { code, down: key.flag("state")? })
            })?,
            0x84 => input("PointerTo", body, |at| Ok(InputEvent::PointerTo { x: at.u16()?, y: at.u16()? }))?,
            0x85 => input("Button", body, |press| {
                let button = button(press.u8()?).ok_or_else(|| press.impossible("button"))?;
                Ok(InputEvent::Button { button, down: press.flag("state")? })
            })?,
            0x86 => input("Wheel", body, |by| Ok(InputEvent::Wheel { dx: by.i16()?, dy: by.i16()? }))?,
            0x87 => fields("ReleaseAll", body, |release| Ok(Self::ReleaseAll { seq: seq(release)? }))?,
            0x88 => {
                let Settings { video_only, prove } =
                    serde_json::from_slice(body).map_err(|_| Malformed::Json("Settings"))?;
                Self::Settings { video_only, prove }
            }
            0x89 => fields("Ping", body, |ping| Ok(Self::Ping(ping.u64()?)))?,
            0x8A => fields("Refresh", body, |_| Ok(Self::Refresh))?,
            0x8B => fields("VideoFailed", body, |_| Ok(Self::VideoFailed))?,
            0x8C => {
                input("PointerBy", body, |by| Ok(InputEvent::PointerBy { dx: by.i16()?, dy: by.i16()? }))?
            }
            0x8D => Self::Resize(layout::decode(body)?),
            0x8E => Self::ClipboardOffer(offer(body)?),
            0x8F => fields("ClipboardRequest", body, |ask| {
                let (request, content) = clipboard_request(ask)?;
                Ok(Self::ClipboardRequest { request, content })
            })?,
            0x90 => fields("ClipboardData", body, |data| Ok(Self::ClipboardData(piece(data)?)))?,
            0x91 => fields("FileStart", body, |start| {
                let (transfer, size) = (start.u32()?, start.u64()?);
                let name = std::str::from_utf8(start.rest()).map_err(|_| start.impossible("name"))?;
                Ok(Self::FileStart { transfer, size, name: name.to_owned() })
            })?,
            0x92 => fields("FileData", body, |data| {
                Ok(Self::FileData { transfer: data.u32()?, bytes: bytes(data)? })
            })?,
            0x93 => fields("FileCancel", body, |cancel| Ok(Self::FileCancel { transfer: cancel.u32()? }))?,
            0x94 => fields("Sound", body, |sound| {
                let bits = sound.u8()?;
                if bits & !(SOUND_LISTEN | SOUND_SPEAK) != 0 {
                    return Err(sound.impossible("bits"));
                }
                Ok(Self::Sound { listen: bits & SOUND_LISTEN != 0, speak: bits & SOUND_SPEAK != 0 })
            })?,
            0x95 => Self::Recording(Recording::decode(body)?),
            0x96 => fields("ResumeHashes", body, |known| Ok(Self::ResumeHashes(TileHashes::decode(known)?)))?,
            0x97 => fields("FileAnswer", body, |answer| {
                Ok(Self::FileAnswer { offer: answer.u32()?, accept: answer.flag("answer")? })
            })?,
            0x98 => fields("FileTaken", body, |taken| {
                Ok(Self::FileTaken { offer: taken.u32()?, received: taken.u64()? })
            })?,
            unknown => return Ok(Decoded::Unknown(unknown)),
        };
        Ok(Decoded::Known(known))
    }

    /// Whether it does something to the guest, which those who only watch may not.
    pub fn acts(&self) -> bool {
        match self {
            Self::Input { .. }
            | Self::ReleaseAll { .. }
            | Self::Resize(_)
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

    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => json(0x81, hello),
            Self::Ack { frame_id, decode_us, present_us } => {
                message(0x82, &[&frame_id.to_le_bytes(), &decode_us.to_le_bytes(), &present_us.to_le_bytes()])
            }
            Self::Input { seq, event } => encode_input(*seq, *event),
            Self::ReleaseAll { seq } => message(0x87, &[&seq.to_le_bytes()]),
            Self::Settings { video_only, prove } => {
                json(0x88, &Settings { video_only: *video_only, prove: *prove })
            }
            Self::Ping(value) => message(0x89, &[&value.to_le_bytes()]),
            Self::Refresh => vec![0x8A],
            Self::VideoFailed => vec![0x8B],
            Self::Resize(wish) => layout::encode(wish),
            Self::ClipboardOffer(types) => encode_offer(0x8E, types),
            Self::ClipboardRequest { request, content } => {
                message(0x8F, &[&request.to_le_bytes(), content.name().as_bytes()])
            }
            Self::ClipboardData(piece) => encode_piece(0x90, piece),
            Self::FileStart { transfer, size, name } => {
                message(0x91, &[&transfer.to_le_bytes(), &size.to_le_bytes(), name.as_bytes()])
            }
            Self::FileData { transfer, bytes } => message(0x92, &[&transfer.to_le_bytes(), bytes]),
            Self::FileCancel { transfer } => message(0x93, &[&transfer.to_le_bytes()]),
            Self::Sound { listen, speak } => vec![0x94, u8::from(*listen) | u8::from(*speak) << 1],
            Self::Recording(recording) => recording.encode(),
            Self::ResumeHashes(hashes) => {
                let mut out = vec![0x96];
                hashes.encode(&mut out);
                out
            }
            Self::FileAnswer { offer, accept } => message(0x97, &[&offer.to_le_bytes(), &[(*accept).into()]]),
            Self::FileTaken { offer, received } => {
                message(0x98, &[&offer.to_le_bytes(), &received.to_le_bytes()])
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Offer {
    types: Vec<String>,
}

/// The types of an offer; those that this version does not know are left out.
pub(crate) fn offer(body: &[u8]) -> Result<Vec<ContentType>, Malformed> {
    let Offer { types } = serde_json::from_slice(body).map_err(|_| Malformed::Json("ClipboardOffer"))?;
    Ok(ContentType::ALL.into_iter().filter(|one| types.iter().any(|name| name == one.name())).collect())
}

pub(crate) fn encode_offer(kind: u8, types: &[ContentType]) -> Vec<u8> {
    json(kind, &Offer { types: types.iter().map(|one| one.name().to_owned()).collect() })
}

pub(crate) fn clipboard_request(fields: &mut Fields<'_>) -> Result<(u32, ContentType), Malformed> {
    let request = fields.u32()?;
    let name = std::str::from_utf8(fields.rest()).ok();
    let content = name.and_then(ContentType::named).ok_or_else(|| fields.impossible("type"))?;
    Ok((request, content))
}

/// Bytes to the message's end, no more than a piece may have.
fn bytes(fields: &mut Fields<'_>) -> Result<Vec<u8>, Malformed> {
    let bytes = fields.rest();
    if bytes.len() > MAX_CHUNK { Err(fields.impossible("length")) } else { Ok(bytes.to_vec()) }
}

pub(crate) fn piece(fields: &mut Fields<'_>) -> Result<Chunk, Malformed> {
    let (request, flags) = (fields.u32()?, fields.u8()?);
    if flags > 3 {
        return Err(fields.impossible("flags"));
    }
    Ok(Chunk { request, last: flags & 1 != 0, failed: flags & 2 != 0, bytes: bytes(fields)? })
}

pub(crate) fn encode_piece(kind: u8, piece: &Chunk) -> Vec<u8> {
    let flags = u8::from(piece.last) | u8::from(piece.failed) << 1;
    message(kind, &[&piece.request.to_le_bytes(), &[flags], &piece.bytes])
}

pub(crate) fn fields<T>(
    name: &'static str,
    body: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let mut fields = Fields::new(name, body);
    let message = read(&mut fields)?;
    fields.end()?;
    Ok(message)
}

fn input(
    name: &'static str,
    body: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Result<InputEvent, Malformed>,
) -> Result<ClientMessage, Malformed> {
    fields(name, body, |fields| Ok(ClientMessage::Input { seq: seq(fields)?, event: read(fields)? }))
}

fn seq(fields: &mut Fields<'_>) -> Result<u32, Malformed> {
    match fields.u32()? {
        0 => Err(fields.impossible("seq")),
        seq => Ok(seq),
    }
}

fn button(number: u8) -> Option<Button> {
    [Button::Left, Button::Middle, Button::Right, Button::Back, Button::Forward]
        .get(usize::from(number))
        .copied()
}

fn encode_input(seq: u32, event: InputEvent) -> Vec<u8> {
    let seq = &seq.to_le_bytes();
    match event {
        InputEvent::Key { code, down } => message(0x83, &[seq, &code.to_le_bytes(), &[down.into()]]),
        InputEvent::PointerTo { x, y } => message(0x84, &[seq, &x.to_le_bytes(), &y.to_le_bytes()]),
        InputEvent::Button { button, down } => {
            let number = match button {
                Button::Left => 0,
                Button::Middle => 1,
                Button::Right => 2,
                Button::Back => 3,
                Button::Forward => 4,
            };
            message(0x85, &[seq, &[number, down.into()]])
        }
        InputEvent::Wheel { dx, dy } => message(0x86, &[seq, &dx.to_le_bytes(), &dy.to_le_bytes()]),
        InputEvent::PointerBy { dx, dy } => message(0x8C, &[seq, &dx.to_le_bytes(), &dy.to_le_bytes()]),
    }
}

pub(crate) fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![kind];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A type byte and a JSON body. The bodies are plain structs of ours: writing them cannot fail.
pub(crate) fn json(kind: u8, body: &impl Serialize) -> Vec<u8> {
    let mut out = vec![kind];
    let written = serde_json::to_writer(&mut out, body);
    debug_assert!(written.is_ok(), "{written:?}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn round_trip(message: ClientMessage) {
        assert_eq!(ClientMessage::decode(&message.encode()), Ok(Decoded::Known(message)));
    }

    #[test]
    fn every_message_survives_the_trip() {
        round_trip(ClientMessage::Hello(Hello {
            versions: vec![1, 7],
            h264: true,
            video_only: false,
            screen: 3,
            known: true,
        }));
        round_trip(ClientMessage::Ack { frame_id: 1, decode_us: 2, present_us: 3 });
        for event in [
            InputEvent::Key { code: 30, down: true },
            InputEvent::PointerTo { x: 65535, y: 0 },
            InputEvent::PointerBy { dx: -3, dy: 4 },
            InputEvent::Button { button: Button::Forward, down: false },
            InputEvent::Wheel { dx: 0, dy: -120 },
        ] {
            round_trip(ClientMessage::Input { seq: 9, event });
        }
        round_trip(ClientMessage::ReleaseAll { seq: 10 });
        round_trip(ClientMessage::Settings { video_only: true, prove: false });
        round_trip(ClientMessage::ResumeHashes(
            TileHashes::new(Size::new(130, 65), (0..6).collect()).unwrap(),
        ));
        round_trip(ClientMessage::Ping(u64::MAX));
        round_trip(ClientMessage::Refresh);
        round_trip(ClientMessage::VideoFailed);
        round_trip(ClientMessage::ClipboardOffer(vec![ContentType::Text, ContentType::Png]));
        round_trip(ClientMessage::ClipboardRequest { request: 3, content: ContentType::Png });
        for (last, failed) in [(false, false), (true, false), (true, true)] {
            let piece = Chunk { request: 4, last, failed, bytes: vec![1; MAX_CHUNK] };
            round_trip(ClientMessage::ClipboardData(piece));
        }
        round_trip(ClientMessage::FileStart { transfer: 5, size: 1 << 40, name: "größe.txt".into() });
        round_trip(ClientMessage::FileData { transfer: 5, bytes: vec![] });
        round_trip(ClientMessage::FileCancel { transfer: 5 });
        for (listen, speak) in [(false, false), (true, false), (false, true), (true, true)] {
            round_trip(ClientMessage::Sound { listen, speak });
        }
        round_trip(ClientMessage::Recording(Recording { sequence: u32::MAX, opus: vec![0xFC, 1, 2] }));
        round_trip(ClientMessage::FileAnswer { offer: 6, accept: true });
        round_trip(ClientMessage::FileTaken { offer: 6, received: 1 << 40 });
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let key = ClientMessage::Input { seq: 0x0102, event: InputEvent::Key { code: 0x1e, down: true } };
        assert_eq!(key.encode(), [0x83, 0x02, 0x01, 0, 0, 0x1e, 0, 1]);
        assert_eq!(
            ClientMessage::decode(b"\x81{\"versions\":[1],\"h264\":true,\"video_only\":false}"),
            Ok(Decoded::Known(ClientMessage::Hello(Hello {
                versions: vec![1],
                h264: true,
                video_only: false,
                screen: 0,
                known: false
            })))
        );
    }

    #[test]
    fn what_cannot_be_is_malformed_and_what_is_new_is_unknown() {
        let long = [&[0x92, 1, 0, 0, 0][..], &[0; MAX_CHUNK + 1]].concat();
        let malformed: [&[u8]; 19] = [
            &long,
            b"\x8f\x01\0\0\0text/html",
            b"\x90\x01\0\0\0\x04",
            b"\x91\x01\0\0\0\x01\0\0\0\0\0\0\0\xff",
            b"",
            b"\x81{}",
            b"\x82\x01\0\0\0",
            b"\x83\0\0\0\0\x1e\0\x01",
            b"\x83\x01\0\0\0\x1e\0\x02",
            b"\x83\x01\0\0\0\xff\xff\x01",
            b"\x85\x01\0\0\0\x05\x01",
            b"\x8a\0",
            b"\x94",
            b"\x94\x04",
            b"\x94\x01\0",
            b"\x95\x01\0\0\0",
            b"\x96\x40\0\x40\0\x01\x02\x03\x04",
            b"\x97\x01\0\0\0\x02",
            b"\x98\x01\0\0\0\x01\0\0\0",
        ];
        for message in malformed {
            assert!(ClientMessage::decode(message).is_err(), "{message:?}");
        }
        assert_eq!(
            ClientMessage::decode(b"\x8e{\"types\":[\"text/html\",\"image/png\"]}"),
            Ok(Decoded::Known(ClientMessage::ClipboardOffer(vec![ContentType::Png])))
        );
        assert_eq!(ClientMessage::decode(b"\xf0anything"), Ok(Decoded::Unknown(0xf0)));
        assert_eq!(ClientMessage::decode(b"\x02"), Ok(Decoded::Unknown(0x02)));
    }
}
