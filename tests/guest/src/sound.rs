//! A tone without end, out of a virtio-snd.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use virtio_drivers::Error;
use virtio_drivers::device::sound::{PcmFeatures, PcmFormat, PcmRate, VirtIOSound};

use crate::memory::IdentityHal;
use crate::transport::MsixTransport;

/// The first output stream.
const STREAM: u32 = 0;
/// 20 ms of 48 kHz, stereo, 16 bits.
const PERIOD_FRAMES: usize = 960;
const PERIOD_BYTES: usize = PERIOD_FRAMES * 4;
/// Periods on their way to be played.
const PERIODS: usize = 4;
/// Frames in 44 whole swings of 440 Hz, so that their end meets their beginning.
const LOOP_FRAMES: usize = 5 * PERIOD_FRAMES;
/// Cosine and sine of the angle that 440 Hz turns by in a frame.
const TURN: (f64, f64) = (0.998_341_816_614_028_3, 0.057_564_026_959_567_284);
const LEVEL: f64 = 8000.0;

/// A sound card that plays 440 Hz.
pub struct Speaker {
    driver: VirtIOSound<IdentityHal, MsixTransport>,
    /// The loop, cut into periods.
    periods: Vec<Vec<u8>>,
    next: usize,
    playing: VecDeque<u16>,
}

impl Speaker {
    /// Starts to play.
    pub fn new(transport: MsixTransport) -> Result<Self, Error> {
        let mut driver = VirtIOSound::new(transport)?;
        let (buffer, period) = ((PERIODS * PERIOD_BYTES) as u32, PERIOD_BYTES as u32);
        let features = PcmFeatures::empty();
        driver.pcm_set_params(STREAM, buffer, period, features, 2, PcmFormat::S16, PcmRate::Rate48000)?;
        driver.pcm_prepare(STREAM)?;
        let mut speaker = Self { driver, periods: periods(), next: 0, playing: VecDeque::new() };
        speaker.fill()?;
        speaker.driver.pcm_start(STREAM)?;
        Ok(speaker)
    }

    /// Follows with new periods for those that were played. To be called whenever the device
    /// may have interrupted.
    pub fn keep_playing(&mut self) -> Result<(), Error> {
        while let Some(token) = self.playing.front() {
            match self.driver.pcm_xfer_ok(*token) {
                Ok(()) => self.playing.pop_front(),
                Err(Error::NotReady) => break,
                Err(error) => return Err(error),
            };
        }
        self.fill()
    }

    fn fill(&mut self) -> Result<(), Error> {
        while self.playing.len() < PERIODS {
            let Some(period) = self.periods.get(self.next) else { break };
            self.playing.push_back(self.driver.pcm_xfer_nb(STREAM, period)?);
            self.next = (self.next + 1) % self.periods.len();
        }
        Ok(())
    }
}

fn periods() -> Vec<Vec<u8>> {
    let (mut cosine, mut sine) = (1.0, 0.0);
    let mut bytes = Vec::with_capacity(LOOP_FRAMES * 4);
    for _ in 0..LOOP_FRAMES {
        let sample = ((LEVEL * sine) as i16).to_le_bytes();
        bytes.extend_from_slice(&sample);
        bytes.extend_from_slice(&sample);
        (cosine, sine) = (cosine * TURN.0 - sine * TURN.1, sine * TURN.0 + cosine * TURN.1);
    }
    bytes.chunks(PERIOD_BYTES).map(<[u8]>::to_vec).collect()
}
