//! Message Frame: a header, and updates that the client applies in order and presents at once. Nothing here compresses.

use crate::fields::{Fields, coordinate, put_rect};
use crate::geometry::{Rect, Size};
use crate::{Malformed, MessageKind};

const EXACT: u8 = 1;
const WHOLE: u8 = 2;
const KEY: u8 = 1;
const CODEC_H264: u8 = 1;

/// Header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameHeader {
    /// The client's picture equals the guest's framebuffer after the frame, pixel for pixel.
    pub exact: bool,
    /// The frame is a full refresh and replaces the whole picture.
    pub whole: bool,
    /// Number of the frame, counted from 1.
    pub frame_id: u32,
    /// Size of the guest's screen in pixels.
    pub size: Size,
    /// Sequence number of the newest input that the frame answers; 0 for none.
    pub input_seq: u32,
    /// Microseconds from receipt of the input to visibility in the guest's queue; 0 without an input.
    pub input_to_guest_us: u32,
    /// Microseconds from the input's visibility to the guest's flush; 0 without an input.
    pub guest_to_flush_us: u32,
    /// Microseconds from the guest's flush to the frame's hand-over to the socket.
    pub flush_to_sent_us: u32,
    /// Microseconds of `flush_to_sent_us` that comparing and encoding took.
    pub encode_us: u32,
}

/// Body of the message Frame: a header, and updates that the client presents at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// Header of the frame.
    pub header: FrameHeader,
    /// Updates of the picture, in the order of application; 65,535 at most are encoded.
    pub updates: Vec<Update>,
}

/// Update of a part of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Copy of pixels from another place of the picture (kind 1), as CopyRect of RFB (RFC 6143).
    Copy {
        /// Left edge of the source, in the picture before this update.
        src_x: u32,
        /// Top edge of the source, in the picture before this update.
        src_y: u32,
        /// Destination of the pixels.
        to: Rect,
    },
    /// Batch of lossless tiles (kind 2).
    Exact {
        /// Length of the decompressed batch in bytes.
        raw_length: u32,
        /// Compressed batch: one zstd frame (RFC 8878).
        zstd: Vec<u8>,
    },
    /// Access unit of a video stream (kind 3).
    Video(VideoUpdate),
}

/// Access unit of a video stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoUpdate {
    /// Number of the decoder that the stream uses, 0 to 3.
    pub stream: u8,
    /// The access unit is a key frame: the stream starts anew.
    pub key: bool,
    /// Part of the screen that the coded picture covers.
    pub region: Rect,
    /// Rectangles of the decoded picture to present, in screen coordinates.
    pub take: Vec<Rect>,
    /// Byte stream of the access unit (ITU-T H.264 Annex B).
    pub data: Vec<u8>,
}

impl FrameHeader {
    /// Encodes a message Frame of this header and of `updates`, number first.
    pub fn encode(&self, updates: &[Update]) -> Vec<u8> {
        let mut out = vec![
            MessageKind::Frame.number(),
            (EXACT * u8::from(self.exact)) | (WHOLE * u8::from(self.whole)),
        ];
        out.extend_from_slice(&u16::try_from(updates.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&self.frame_id.to_le_bytes());
        out.extend_from_slice(&coordinate(self.size.width).to_le_bytes());
        out.extend_from_slice(&coordinate(self.size.height).to_le_bytes());
        for value in [
            self.input_seq,
            self.input_to_guest_us,
            self.guest_to_flush_us,
            self.flush_to_sent_us,
            self.encode_us,
        ] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for update in updates.iter().take(usize::from(u16::MAX)) {
            update.encode(&mut out);
        }
        out
    }
}

impl Frame {
    /// Encoded message of the frame, number first.
    pub fn encode(&self) -> Vec<u8> {
        self.header.encode(&self.updates)
    }

    /// Decodes the body of a message Frame, without the number.
    ///
    /// # Errors
    /// [`Malformed`] for a body that is too short or too long, or has a field of an impossible value.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new("Frame", body);
        let flags = fields.u8()?;
        let count = fields.u16()?;
        let header = FrameHeader {
            exact: flags & EXACT != 0,
            whole: flags & WHOLE != 0,
            frame_id: fields.u32()?,
            size: Size::new(fields.u16()?.into(), fields.u16()?.into()),
            input_seq: fields.u32()?,
            input_to_guest_us: fields.u32()?,
            guest_to_flush_us: fields.u32()?,
            flush_to_sent_us: fields.u32()?,
            encode_us: fields.u32()?,
        };
        let updates = (0..count).map(|_| Update::decode(&mut fields)).collect::<Result<_, _>>()?;
        fields.end()?;
        Ok(Self { header, updates })
    }
}

impl Update {
    /// Length of the update's body on the wire in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Copy { .. } => 12,
            Self::Exact { zstd, .. } => 4 + zstd.len(),
            Self::Video(video) => 14 + video.take.len() * 8 + video.data.len(),
        }
    }

    /// Returns `false`, since every update has a body.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends the update: kind, stream and length, then the body.
    fn encode(&self, out: &mut Vec<u8>) {
        let (kind, stream) = match self {
            Self::Copy { .. } => (1, 0),
            Self::Exact { .. } => (2, 0),
            Self::Video(video) => (3, video.stream),
        };
        out.extend_from_slice(&[kind, stream, 0, 0]);
        out.extend_from_slice(&u32::try_from(self.len()).unwrap_or(u32::MAX).to_le_bytes());
        match self {
            Self::Copy { src_x, src_y, to } => {
                out.extend_from_slice(&coordinate(*src_x).to_le_bytes());
                out.extend_from_slice(&coordinate(*src_y).to_le_bytes());
                put_rect(out, to);
            }
            Self::Exact { raw_length, zstd } => {
                out.extend_from_slice(&raw_length.to_le_bytes());
                out.extend_from_slice(zstd);
            }
            Self::Video(video) => {
                out.extend_from_slice(&[CODEC_H264, KEY * u8::from(video.key)]);
                put_rect(out, &video.region);
                out.extend_from_slice(&u16::try_from(video.take.len()).unwrap_or(u16::MAX).to_le_bytes());
                out.extend_from_slice(&[0, 0]);
                video.take.iter().for_each(|rect| put_rect(out, rect));
                out.extend_from_slice(&video.data);
            }
        }
    }

    /// Reads one update.
    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let kind = fields.u8()?;
        let stream = fields.u8()?;
        fields.u16()?;
        let length = fields.u32()?;
        let body = fields.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let mut body = Fields::new("update", body);
        let update = match kind {
            1 => Self::Copy { src_x: body.u16()?.into(), src_y: body.u16()?.into(), to: body.rect()? },
            2 => Self::Exact { raw_length: body.u32()?, zstd: body.rest().to_vec() },
            3 => {
                if stream > 3 {
                    return Err(body.impossible("stream"));
                }
                if body.u8()? != CODEC_H264 {
                    return Err(body.impossible("codec"));
                }
                let key = body.u8()? & KEY != 0;
                let region = body.rect()?;
                let count = body.u16()?;
                body.u16()?;
                let take = (0..count).map(|_| body.rect()).collect::<Result<_, _>>()?;
                Self::Video(VideoUpdate { stream, key, region, take, data: body.rest().to_vec() })
            }
            _ => return Err(body.impossible("kind")),
        };
        body.end()?;
        Ok(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Frame {
        Frame {
            header: FrameHeader {
                exact: true,
                whole: false,
                frame_id: 0x0a0b_0c0d,
                size: Size::new(1920, 1080),
                input_seq: 4,
                input_to_guest_us: 5,
                guest_to_flush_us: 6,
                flush_to_sent_us: 7,
                encode_us: 8,
            },
            updates: vec![
                Update::Copy { src_x: 1, src_y: 2, to: Rect::new(3, 4, 5, 6) },
                Update::Exact { raw_length: 9, zstd: vec![1, 2, 3] },
                Update::Video(VideoUpdate {
                    stream: 3,
                    key: true,
                    region: Rect::new(0, 64, 640, 360),
                    take: vec![Rect::new(0, 64, 64, 64), Rect::new(64, 64, 64, 64)],
                    data: vec![0, 0, 0, 1, 0x67],
                }),
            ],
        }
    }

    #[test]
    fn a_frame_survives_the_trip() {
        let bytes = sample().encode();
        assert_eq!(bytes.first(), Some(&0x02));
        assert_eq!(Frame::decode(&bytes[1..]), Ok(sample()));
    }

    #[test]
    fn the_header_is_laid_out_as_specified() {
        let bytes = sample().encode();
        assert_eq!(bytes[..12], [0x02, 0x01, 3, 0, 0x0d, 0x0c, 0x0b, 0x0a, 0x80, 0x07, 0x38, 0x04]);
        assert_eq!(bytes[32..40], [1, 0, 0, 0, 12, 0, 0, 0], "the first update follows the 32 byte header");
    }

    #[test]
    fn a_frame_cut_anywhere_is_malformed() {
        let bytes = sample().encode();
        for end in 1..bytes.len() - 1 {
            assert!(Frame::decode(&bytes[1..end]).is_err(), "cut at {end}");
        }
    }
}
