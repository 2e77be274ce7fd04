//! What a screen's viewers did, in figures that only grow.

use crate::counter::Counter;
use crate::latency::Latency;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything counted over all viewers of one screen, those that left included.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames handed to a socket.
    pub frames: Counter,
    /// Bytes of frames handed to a socket.
    pub frame_bytes: Counter,
    /// Rectangles copied by clients.
    pub copies: Counter,
    /// Pixels copied by clients.
    pub copied_pixels: Counter,
    /// Tiles sent exact, parts of tiles included.
    pub exact_tiles: Counter,
    /// Bytes of exact updates.
    pub exact_bytes: Counter,
    /// Tiles sent as video.
    pub video_tiles: Counter,
    /// Bytes of video updates.
    pub video_bytes: Counter,
    /// Microseconds spent on comparing and encoding.
    pub encode_us: Counter,
    /// Of that, microseconds of processor time.
    pub encode_cpu_us: Counter,
    /// Inputs handed to the machine.
    pub inputs: Counter,
    /// Messages that broke the protocol; each ended its connection.
    pub malformed_messages: Counter,
    /// Messages of an unknown type or out of place, ignored.
    pub ignored_messages: Counter,
    /// Flushes by the graphics device.
    pub flushes: Counter,
    /// How long inputs took to become pictures.
    pub latency: Latency,
}

impl Counters {
    /// A picture was compared and encoded, in so much time, and processor time.
    pub fn encoded(&self, took: Duration, cpu: Duration) {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.encode_us.add(micros(took));
        self.encode_cpu_us.add(micros(cpu));
    }

    /// Values of all counters, by name.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        [
            ("frames", &self.frames),
            ("frame_bytes", &self.frame_bytes),
            ("copies", &self.copies),
            ("copied_pixels", &self.copied_pixels),
            ("exact_tiles", &self.exact_tiles),
            ("exact_bytes", &self.exact_bytes),
            ("video_tiles", &self.video_tiles),
            ("video_bytes", &self.video_bytes),
            ("encode_us", &self.encode_us),
            ("encode_cpu_us", &self.encode_cpu_us),
            ("inputs", &self.inputs),
            ("malformed_messages", &self.malformed_messages),
            ("ignored_messages", &self.ignored_messages),
            ("flushes", &self.flushes),
        ]
        .into_iter()
        .map(|(name, counter)| (name.to_owned(), counter.get()))
        .chain(self.latency.snapshot())
        .collect()
    }
}
