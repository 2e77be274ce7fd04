//! What became of the sound of one desktop, in figures that only grow.

use crate::counter::Counter;
use std::collections::BTreeMap;

/// Everything counted over all viewers of one desktop.
#[derive(Debug, Default)]
pub struct SoundCounters {
    /// Packets of what the guest plays that were encoded; each is encoded once for all.
    pub packets: Counter,
    /// Bytes of encoded packets.
    pub packet_bytes: Counter,
    /// Microseconds spent on encoding packets.
    pub encode_us: Counter,
    /// Packets that a viewer's line was too slow for, counted once for each such viewer.
    pub packets_dropped: Counter,
    /// Recorded packets handed to the guest.
    pub recorded: Counter,
    /// Recorded packets that could not be decoded, or that came from someone who is not heard.
    pub recorded_ignored: Counter,
}

impl SoundCounters {
    /// Values of all counters, by name.
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
