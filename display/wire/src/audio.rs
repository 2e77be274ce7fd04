//! Messages Audio and Recording: one Opus packet (RFC 6716) each. Nothing here decodes Opus.

use crate::fields::Fields;
use crate::{Malformed, MessageKind};

/// Body of the message Audio: 10 ms of the guest's playback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// Sequence number of the packet, one more than the packet before; a gap means that packets were dropped.
    pub sequence: u32,
    /// Time at which the first sample is played, by the host's clock: microseconds from an arbitrary start.
    pub time_us: u64,
    /// Opus packet (RFC 6716) of 48 kHz, stereo.
    pub opus: Vec<u8>,
}

impl AudioPacket {
    /// Encoded message, number first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(13 + self.opus.len());
        out.push(MessageKind::Audio.number());
        out.extend(self.sequence.to_le_bytes());
        out.extend(self.time_us.to_le_bytes());
        out.extend(&self.opus);
        out
    }

    /// Decodes the body of the message.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new("Audio", body);
        let (sequence, time_us) = (fields.u32()?, fields.u64()?);
        Ok(Self { sequence, time_us, opus: opus(&mut fields, "Audio")? })
    }
}

/// Body of the message Recording: at most 20 ms from the client's microphone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Sequence number of the packet, one more than the packet before.
    pub sequence: u32,
    /// Opus packet (RFC 6716) of 48 kHz, mono or stereo.
    pub opus: Vec<u8>,
}

impl Recording {
    /// Encoded message, number first.
    pub fn encode(&self) -> Vec<u8> {
        [&[MessageKind::Recording.number()], &self.sequence.to_le_bytes()[..], &self.opus].concat()
    }

    /// Decodes the body of the message.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new("Recording", body);
        Ok(Self { sequence: fields.u32()?, opus: opus(&mut fields, "Recording")? })
    }
}

/// Bytes to the end of the message, which are one Opus packet and cannot be empty.
fn opus(fields: &mut Fields<'_>, message: &'static str) -> Result<Vec<u8>, Malformed> {
    match fields.rest() {
        [] => Err(Malformed::Length(message)),
        packet => Ok(packet.to_vec()),
    }
}
