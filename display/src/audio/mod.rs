//! Audio of a desktop: playback from the guest as Opus packets for listening viewers, and recording from one
//! viewer's microphone as samples for the guest.
//!
//! Format everywhere: 48 kHz, stereo, 16 bits signed, samples interleaved with left first. A frame is one
//! sample of each channel.

mod codec;
mod counters;
mod jitter;
mod packets;
mod playback;
mod recording;
pub mod spectrum;

pub use codec::{CodecError, PacketDecoder, PacketEncoder};
pub use counters::SoundCounters;
pub use playback::{Listening, SoundOut};
pub use recording::{Recorder, SoundIn};

use std::sync::Arc;

/// Sample rate in frames per second.
pub const RATE: u32 = 48_000;
/// Number of channels, which is the number of samples in a frame.
pub const CHANNELS: usize = 2;
/// Number of frames in a packet of playback: 10 ms.
pub const PACKET_FRAMES: usize = 480;
/// Number of interleaved samples in a packet of playback.
pub const PACKET_SAMPLES: usize = PACKET_FRAMES * CHANNELS;

/// Audio of one desktop in both directions.
pub struct Sound {
    /// Playback, from the guest to listening viewers.
    pub out: Arc<SoundOut>,
    /// Recording, from the viewer whose microphone is active to the guest.
    pub input: Arc<SoundIn>,
    counters: Arc<SoundCounters>,
}

impl Sound {
    /// Creates the audio of a desktop, without listeners and without an active microphone.
    pub fn new() -> Arc<Self> {
        let counters = Arc::new(SoundCounters::default());
        let out = Arc::new(SoundOut::new(counters.clone()));
        let input = Arc::new(SoundIn::new(counters.clone()));
        Arc::new(Self { out, input, counters })
    }

    /// Returns the counters of both directions.
    pub fn counters(&self) -> &SoundCounters {
        &self.counters
    }
}
