//! Opus codec (RFC 6716) by the host's libopus: encodes what the guest plays, and decodes what a client
//! recorded.

use super::{CHANNELS, PACKET_SAMPLES, RATE};
use opus::{Application, Bitrate, Channels};

/// Bit rate in bits per second of the audio that the guest plays.
const BIT_RATE: i32 = 96_000;
/// Encoder complexity, 0 to 10. A packet of music takes 23 µs of processor time at 0, 35 at 5 and 54 at 10,
/// at the same bit rate; above 5 the difference is hardly audible at this rate.
const COMPLEXITY: i32 = 5;
/// Largest size in bytes of an encoded packet. At 96 kbit/s packets have 120 bytes on average and never came
/// near this.
const LONGEST_PACKET: usize = 1275;
/// Largest number of frames in a packet that is decoded: 20 ms.
const LONGEST_FRAMES: usize = 960;

/// Error of libopus or of a packet's size, with a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Opus: {0}")]
pub struct CodecError(String);

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        Self(error.description().to_owned())
    }
}

/// Encoder of Opus packets of 10 ms of stereo audio.
pub struct PacketEncoder(opus::Encoder);

impl PacketEncoder {
    /// Creates an encoder of 96 kbit/s with low delay.
    ///
    /// # Errors
    /// When libopus cannot allocate the encoder.
    pub fn new() -> Result<Self, CodecError> {
        // The speech modes add 4 ms of delay and are of no use at this bit rate.
        let mut encoder = opus::Encoder::new(RATE, Channels::Stereo, Application::LowDelay)?;
        encoder.set_bitrate(Bitrate::Bits(BIT_RATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        Ok(Self(encoder))
    }

    /// Encodes [`PACKET_SAMPLES`] interleaved samples into one packet.
    ///
    /// # Errors
    /// When the number of samples differs, or libopus fails.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Vec<u8>, CodecError> {
        if samples.len() != PACKET_SAMPLES {
            return Err(CodecError(format!("a packet has {PACKET_SAMPLES} samples, not {}", samples.len())));
        }
        Ok(self.0.encode_vec(samples, LONGEST_PACKET)?)
    }
}

/// Decoder of Opus packets from any encoder, to stereo at 48 kHz.
pub struct PacketDecoder {
    decoder: opus::Decoder,
    /// Buffer for the samples of one packet.
    samples: Vec<i16>,
}

impl PacketDecoder {
    /// Creates a decoder.
    ///
    /// # Errors
    /// When libopus cannot allocate the decoder.
    pub fn new() -> Result<Self, CodecError> {
        let decoder = opus::Decoder::new(RATE, Channels::Stereo)?;
        Ok(Self { decoder, samples: vec![0; LONGEST_FRAMES * CHANNELS] })
    }

    /// Decodes a packet of at most 20 ms to interleaved stereo samples.
    ///
    /// # Errors
    /// When the packet is empty, malformed or longer than 20 ms.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], CodecError> {
        // libopus takes an empty packet for a lost one and would conceal it.
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
