//! Monotonic counters of one desktop's audio.

use crate::counter::Counter;
use std::collections::BTreeMap;

/// Counters of one desktop's audio over all its viewers.
#[derive(Debug, Default)]
pub struct SoundCounters {
    /// Packets of playback that were encoded; each is encoded once for all listeners.
    pub packets: Counter,
    /// Bytes of encoded packets.
    pub packet_bytes: Counter,
    /// Microseconds spent on encoding packets.
    pub encode_us: Counter,
    /// Packets dropped because a viewer's connection was too slow, counted once for each such viewer.
    pub packets_dropped: Counter,
    /// Recorded packets decoded into samples for the guest.
    pub recorded: Counter,
    /// Recorded packets ignored: malformed, or from a viewer whose microphone is not the active one.
    pub recorded_ignored: Counter,
}

impl SoundCounters {
    /// Returns the values of all counters, keyed by metric name.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        [
            ("sound_packets", &self.packets),
            ("sound_packet_bytes", &self.packet_bytes),
            ("sound_encode_us", &self.encode_us),
            ("sound_packets_dropped", &self.packets_dropped),
            ("sound_recorded", &self.recorded),
            ("sound_recorded_ignored", &self.recorded_ignored),
        ]
        .into_iter()
        .map(|(name, counter)| (name.to_owned(), counter.get()))
        .collect()
    }
}
