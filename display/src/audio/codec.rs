//! Opus (RFC 6716), by the host's libopus.

use super::{CHANNELS, PACKET_SAMPLES, RATE};
use opus::{Application, Bitrate, Channels};

/// Bits in a second of what the guest plays.
const BIT_RATE: i32 = 96_000;
/// Of 0 to 10. On a packet of music 0 costs 23 µs of CPU, 5 costs 35 and 10 costs 54, at the same
/// bit rate; what is above 5 is hardly heard at this rate.
const COMPLEXITY: i32 = 5;
/// At 96 kbit/s packets have 120 bytes on average and never came near this.
const LONGEST_PACKET: usize = 1275;
/// Frames of the longest packet that is decoded: 20 ms.
const LONGEST_FRAMES: usize = 960;

/// Sound that could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Opus: {0}")]
pub struct CodecError(String);

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        Self(error.description().to_owned())
    }
}

/// Makes packets.
pub struct PacketEncoder(opus::Encoder);

impl PacketEncoder {
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self, CodecError> {
        // Without the speech modes, which cost 4 ms more and are of no use at this bit rate.
        let mut encoder = opus::Encoder::new(RATE, Channels::Stereo, Application::LowDelay)?;
        encoder.set_bitrate(Bitrate::Bits(BIT_RATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        Ok(Self(encoder))
    }

    /// The packet of [`PACKET_SAMPLES`] samples.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Vec<u8>, CodecError> {
        if samples.len() != PACKET_SAMPLES {
            return Err(CodecError(format!("a packet has {PACKET_SAMPLES} samples, not {}", samples.len())));
        }
        Ok(self.0.encode_vec(samples, LONGEST_PACKET)?)
    }
}

/// Takes packets apart, whoever made them.
pub struct PacketDecoder {
    decoder: opus::Decoder,
    samples: Vec<i16>,
}

impl PacketDecoder {
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self, CodecError> {
        let decoder = opus::Decoder::new(RATE, Channels::Stereo)?;
        Ok(Self { decoder, samples: vec![0; LONGEST_FRAMES * CHANNELS] })
    }

    /// The samples of one packet of at most 20 ms, always of both sides.
    ///
    /// # Errors
    /// When it is no such packet.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], CodecError> {
        // To libopus nothing is a packet that was lost.
        if packet.is_empty() {
            return Err(CodecError("an empty packet".to_owned()));
        }
        let frames = self.decoder.decode(packet, &mut self.samples, false)?;
        Ok(self.samples.get(..frames * CHANNELS).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbage_tests::Random;

    #[test]
    fn garbage_is_refused_or_decoded_to_no_more_than_fits() {
        let mut decoder = PacketDecoder::new().unwrap();
        let mut random = Random(0x0905);
        for _ in 0..20_000 {
            let length = random.below(200);
            let packet: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            if let Ok(samples) = decoder.decode(&packet) {
                assert!(samples.len() <= LONGEST_FRAMES * CHANNELS);
            }
        }
        assert!(decoder.decode(&[]).is_err());
    }

    #[test]
    fn a_packet_has_ten_milliseconds_and_no_other_length() {
        let mut encoder = PacketEncoder::new().unwrap();
        assert!(encoder.encode(&[0; PACKET_SAMPLES - 2]).is_err());
        let packet = encoder.encode(&[100; PACKET_SAMPLES]).unwrap();
        assert_eq!(PacketDecoder::new().unwrap().decode(&packet).unwrap().len(), PACKET_SAMPLES);
    }
}
