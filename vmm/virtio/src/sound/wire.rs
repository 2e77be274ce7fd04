//! What goes over the queues (virtio 1.2, section 5.14.6), little-endian.

use crate::fields::Fields;

/// Bytes of the longest request, `virtio_snd_pcm_set_params`.
pub const MAX_REQUEST_LEN: usize = 24;
/// Bytes of `virtio_snd_hdr`: a code in front of every request and response.
pub const HEADER_LEN: usize = 4;
/// Bytes of `virtio_snd_pcm_xfer`, in front of every buffer of samples.
pub const TRANSFER_LEN: usize = 4;
/// Bytes of `virtio_snd_pcm_status`, behind every buffer of samples.
pub const STATUS_LEN: usize = 8;
/// Bytes of `virtio_snd_pcm_info`.
const PCM_INFO_LEN: u32 = 32;

/// VIRTIO_SND_PCM_FMT_S16 and VIRTIO_SND_PCM_RATE_48000, the only ones that are offered: every
/// guest's sound server converts.
pub const FORMAT_S16: u8 = 5;
pub const RATE_48000: u8 = 7;

/// How a request or a buffer fared (VIRTIO_SND_S_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Ok = 0x8000,
    /// It makes no sense, or not now.
    BadMessage = 0x8001,
    /// It makes sense, and this card does not do it.
    NotSupported = 0x8002,
    /// Samples for a stream that takes none, or too many of them.
    IoError = 0x8003,
}

/// Stream numbers: the card has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Output = 0,
    Input = 1,
}

/// What is asked of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PcmCommand {
    SetParameters(Parameters),
    Prepare,
    Release,
    Start,
    Stop,
}

/// `virtio_snd_pcm_set_params` without its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    pub buffer_bytes: u32,
    pub period_bytes: u32,
    pub features: u32,
    pub channels: u8,
    pub format: u8,
    pub rate: u8,
}

/// A request on the control queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Of jacks or channel maps, none: there are none.
    EmptyInfo,
    /// Of streams, `count` from `start` on.
    PcmInfo {
        start: u32,
        count: u32,
    },
    Pcm(Direction, PcmCommand),
}

impl Request {
    /// Reads a request; `Err` is its answer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Status> {
        let mut fields = Fields(bytes);
        let code = fields.u32().ok_or(Status::BadMessage)?;
        match code {
            0x0001 | 0x0200 => Self::parse_empty_info(&mut fields).ok_or(Status::BadMessage),
            0x0100 => Self::parse_info(&mut fields).ok_or(Status::BadMessage),
            0x0101..=0x0105 => Self::parse_pcm(code, &mut fields).ok_or(Status::BadMessage),
            _ => Err(Status::NotSupported),
        }
    }

    fn parse_empty_info(fields: &mut Fields<'_>) -> Option<Self> {
        (fields.u32()? == 0 && fields.u32()? == 0).then_some(Self::EmptyInfo)
    }

    fn parse_info(fields: &mut Fields<'_>) -> Option<Self> {
        let (start, count, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let streams = Direction::Input as u32 + 1;
        let known = start.checked_add(count).is_some_and(|end| end <= streams);
        (known && size == PCM_INFO_LEN).then_some(Self::PcmInfo { start, count })
    }

    fn parse_pcm(code: u32, fields: &mut Fields<'_>) -> Option<Self> {
        let direction = direction(fields.u32()?)?;
        let command = match code {
            0x0101 => PcmCommand::SetParameters(Parameters {
                buffer_bytes: fields.u32()?,
                period_bytes: fields.u32()?,
                features: fields.u32()?,
                channels: fields.bytes::<1>()?[0],
                format: fields.bytes::<1>()?[0],
                rate: fields.bytes::<1>()?[0],
            }),
            0x0102 => PcmCommand::Prepare,
            0x0103 => PcmCommand::Release,
            0x0104 => PcmCommand::Start,
            _ => PcmCommand::Stop,
        };
        Some(Self::Pcm(direction, command))
    }
}

/// The stream with this number.
pub fn direction(stream: u32) -> Option<Direction> {
    [Direction::Output, Direction::Input].into_iter().find(|direction| *direction as u32 == stream)
}

/// `virtio_snd_pcm_info` of one stream.
pub fn pcm_info(direction: Direction, channels: u8) -> Vec<u8> {
    let mut info = Vec::with_capacity(PCM_INFO_LEN as usize);
    // No HDA function group, no features.
    info.extend([0; 8]);
    info.extend((1u64 << FORMAT_S16).to_le_bytes());
    info.extend((1u64 << RATE_48000).to_le_bytes());
    info.extend([direction as u8, channels, channels]);
    info.extend([0; 5]);
    info
}

/// `virtio_snd_pcm_status`.
pub fn transfer_status(status: Status, latency_bytes: u32) -> [u8; STATUS_LEN] {
    let (status, latency) = ((status as u32).to_le_bytes(), latency_bytes.to_le_bytes());
    let mut bytes = [0; STATUS_LEN];
    for (to, from) in bytes.iter_mut().zip(status.into_iter().chain(latency)) {
        *to = from;
    }
    bytes
}
