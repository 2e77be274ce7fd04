//! Requests, responses and status of the queues (VIRTIO 1.2, section 5.14.6), little-endian.

use crate::fields::Fields;

/// Maximum size of a request in bytes, that of `struct virtio_snd_pcm_set_params`.
pub const MAX_REQUEST_LEN: usize = 24;
/// Size of `struct virtio_snd_hdr` in bytes, the code at the start of every request and response.
pub const HEADER_LEN: usize = 4;
/// Size of `struct virtio_snd_pcm_xfer` in bytes, at the start of every I/O message.
pub const TRANSFER_LEN: usize = 4;
/// Size of `struct virtio_snd_pcm_status` in bytes, at the end of every I/O message.
pub const STATUS_LEN: usize = 8;
/// Size of `struct virtio_snd_pcm_info` in bytes.
const PCM_INFO_LEN: u32 = 32;

/// VIRTIO_SND_PCM_FMT_S16, the only sample format on offer.
pub const FORMAT_S16: u8 = 5;
/// VIRTIO_SND_PCM_RATE_48000, the only sample rate on offer.
pub const RATE_48000: u8 = 7;

/// Status of a request or an I/O message, VIRTIO_SND_S_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The request or message succeeded.
    Ok = 0x8000,
    /// The request is malformed or invalid in the stream's state.
    BadMessage = 0x8001,
    /// The card does not support the request or its parameters.
    NotSupported = 0x8002,
    /// The stream does not accept the I/O message, or too many are queued.
    IoError = 0x8003,
}

/// Direction of a PCM stream, also its number: the card has one stream of each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Playback by the guest.
    Output = 0,
    /// Recording by the guest.
    Input = 1,
}

/// Command to one PCM stream, VIRTIO_SND_R_PCM_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PcmCommand {
    /// Setting of sample format, rate and buffer sizes (SET_PARAMS).
    SetParameters(Parameters),
    /// Preparation for I/O messages (PREPARE).
    Prepare,
    /// Completion of all I/O messages (RELEASE).
    Release,
    /// Start of the clock (START).
    Start,
    /// Stop of the clock (STOP).
    Stop,
}

/// Parameters of a PCM stream, `struct virtio_snd_pcm_set_params`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Size of the driver's buffer in bytes.
    pub buffer_bytes: u32,
    /// Size of a period in bytes.
    pub period_bytes: u32,
    /// Selected VIRTIO_SND_PCM_F_* bits; the card offers none.
    pub features: u32,
    /// Number of channels.
    pub channels: u8,
    /// Sample format, VIRTIO_SND_PCM_FMT_*.
    pub format: u8,
    /// Sample rate, VIRTIO_SND_PCM_RATE_*.
    pub rate: u8,
}

/// Request on the control queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Query of jacks or channel maps, of which the card has none.
    EmptyInfo,
    /// Query of `count` PCM streams from number `start` on.
    PcmInfo { start: u32, count: u32 },
    /// Command to a PCM stream.
    Pcm(Direction, PcmCommand),
}

impl Request {
    /// Parses a request.
    ///
    /// # Errors
    /// Status of the response to a malformed or unknown request.
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

    /// Parses a query of jacks or channel maps.
    fn parse_empty_info(fields: &mut Fields<'_>) -> Option<Self> {
        (fields.u32()? == 0 && fields.u32()? == 0).then_some(Self::EmptyInfo)
    }

    /// Parses a query of PCM streams.
    fn parse_info(fields: &mut Fields<'_>) -> Option<Self> {
        let (start, count, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let streams = Direction::Input as u32 + 1;
        let known = start.checked_add(count).is_some_and(|end| end <= streams);
        (known && size == PCM_INFO_LEN).then_some(Self::PcmInfo { start, count })
    }

    /// Parses a command to a PCM stream.
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

/// Returns the direction of the PCM stream with number `stream`; `None` for an unknown number.
pub fn direction(stream: u32) -> Option<Direction> {
    [Direction::Output, Direction::Input].into_iter().find(|direction| *direction as u32 == stream)
}

/// Encodes `struct virtio_snd_pcm_info` of a stream.
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

/// Encodes `struct virtio_snd_pcm_status`; the latency is in bytes of samples.
pub fn transfer_status(status: Status, latency_bytes: u32) -> [u8; STATUS_LEN] {
    let (status, latency) = ((status as u32).to_le_bytes(), latency_bytes.to_le_bytes());
    let mut bytes = [0; STATUS_LEN];
    for (to, from) in bytes.iter_mut().zip(status.into_iter().chain(latency)) {
        *to = from;
    }
    bytes
}
