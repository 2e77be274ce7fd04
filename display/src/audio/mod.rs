//! Sound: what the guest plays, as Opus packets for those who listen, and what a user says, as
//! samples for the guest.
//!
//! Everywhere in here sound is 48 kHz, stereo, 16 bits: samples come interleaved, left first, and
//! a frame is one sample of each side.

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

/// Frames in a second.
pub const RATE: u32 = 48_000;
/// Samples in a frame.
pub const CHANNELS: usize = 2;
/// Frames in a packet of what the guest plays: 10 ms.
pub const PACKET_FRAMES: usize = 480;
/// Samples in such a packet.
pub const PACKET_SAMPLES: usize = PACKET_FRAMES * CHANNELS;

/// Both directions of one desktop's sound.
pub struct Sound {
    /// From the guest to those who listen.
    pub out: Arc<SoundOut>,
    /// From the user who speaks to the guest.
    pub input: Arc<SoundIn>,
    counters: Arc<SoundCounters>,
}

impl Sound {
    /// Nobody listens and nobody speaks.
    pub fn new() -> Arc<Self> {
        let counters = Arc::new(SoundCounters::default());
        let out = Arc::new(SoundOut::new(counters.clone()));
        let input = Arc::new(SoundIn::new(counters.clone()));
        Arc::new(Self { out, input, counters })
    }

    /// What happened so far.
    pub fn counters(&self) -> &SoundCounters {
        &self.counters
    }
}
