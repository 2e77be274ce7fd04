//! Monotonic counters of one screen's viewers.

use crate::counter::Counter;
use crate::latency::Latency;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters over all viewers of one screen, including former ones.
#[derive(Debug, Default)]
pub struct Counters {
    /// Number of frames handed to a socket.
    pub frames: Counter,
    /// Size of those frames in bytes.
    pub frame_bytes: Counter,
    /// Number of copy updates.
    pub copies: Counter,
    /// Number of pixels that copy updates moved.
    pub copied_pixels: Counter,
    /// Number of tiles, or parts of tiles, sent in lossless updates.
    pub exact_tiles: Counter,
    /// Size of lossless updates in bytes.
    pub exact_bytes: Counter,
    /// Number of tiles sent as video.
    pub video_tiles: Counter,
    /// Size of video updates in bytes.
    pub video_bytes: Counter,
    /// Elapsed time of comparing and encoding, in microseconds.
    pub encode_us: Counter,
    /// Processor time of comparing and encoding, in microseconds.
    pub encode_cpu_us: Counter,
    /// Number of input events passed to the machine.
    pub inputs: Counter,
    /// Number of messages that violated the protocol, each of which ended its connection.
    pub malformed_messages: Counter,
    /// Number of messages ignored because of an unknown type or an unexpected time.
    pub ignored_messages: Counter,
    /// Number of flushes by the graphics device.
    pub flushes: Counter,
    /// Histograms of the time from inputs to pictures.
    pub latency: Latency,
}

impl Counters {
    /// Adds the elapsed time and the processor time of comparing and encoding one frame.
    pub fn encoded(&self, took: Duration, cpu: Duration) {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.encode_us.add(micros(took));
        self.encode_cpu_us.add(micros(cpu));
    }

    /// Returns the values of all counters, keyed by metric name.
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
