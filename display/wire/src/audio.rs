//! Messages with sound in them.

use crate::fields::Fields;
use crate::{Malformed, MessageKind};

/// Message 0x09: 10 ms of what the guest plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// Counts up by one from packet to packet; a gap means that some were dropped on the way.
    pub sequence: u32,
    /// Time at which the first sample is played, by the host's clock: microseconds from an arbitrary start.
    pub time_us: u64,
    /// Opus packet (RFC 6716) of 48 kHz, stereo.
    pub opus: Vec<u8>,
}

impl AudioPacket {
    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(13 + self.opus.len());
        out.push(MessageKind::Audio.number());
        out.extend(self.sequence.to_le_bytes());
        out.extend(self.time_us.to_le_bytes());
        out.extend(&self.opus);
        out
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new("Audio", body);
        let (sequence, time_us) = (fields.u32()?, fields.u64()?);
        Ok(Self { sequence, time_us, opus: opus(&mut fields, "Audio")? })
    }
}

/// Message 0x95: 10 or 20 ms from the client's microphone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Counts up by one from packet to packet.
    pub sequence: u32,
    /// Opus packet (RFC 6716) of 48 kHz, mono or stereo.
    pub opus: Vec<u8>,
}

impl Recording {
    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&[MessageKind::Recording.number()], &self.sequence.to_le_bytes()[..], &self.opus].concat()
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new("Recording", body);
        Ok(Self { sequence: fields.u32()?, opus: opus(&mut fields, "Recording")? })
    }
}

fn opus(fields: &mut Fields<'_>, message: &'static str) -> Result<Vec<u8>, Malformed> {
    match fields.rest() {
        [] => Err(Malformed::Length(message)),
        packet => Ok(packet.to_vec()),
    }
}
