//! Memory statistics of the guest (VIRTIO 1.2, section 5.5.6.3).

use crate::fields::Fields;

/// Size of `struct virtio_balloon_stat` in bytes: a tag and a value.
const ENTRY: usize = 10;
/// Maximum number of entries read of one buffer, more than the specification defines.
const MAX_ENTRIES: usize = 32;
/// Maximum number of bytes read of one buffer.
pub const MAX_BYTES: usize = ENTRY * MAX_ENTRIES;

/// Tag VIRTIO_BALLOON_S_MEMFREE.
const FREE: u16 = 4;
/// Tag VIRTIO_BALLOON_S_MEMTOT.
const TOTAL: u16 = 5;
/// Tag VIRTIO_BALLOON_S_AVAIL.
const AVAILABLE: u16 = 6;
/// Tag VIRTIO_BALLOON_S_CACHES.
const CACHES: u16 = 7;

/// Memory statistics in bytes, as the guest reported last; `None` for values that were never reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Free memory (VIRTIO_BALLOON_S_MEMFREE).
    pub free: Option<u64>,
    /// Memory that the guest's kernel manages, without the balloon (VIRTIO_BALLOON_S_MEMTOT).
    pub total: Option<u64>,
    /// Memory that programs could allocate without swapping (VIRTIO_BALLOON_S_AVAIL).
    pub available: Option<u64>,
    /// File caches that the guest could drop (VIRTIO_BALLOON_S_CACHES).
    pub caches: Option<u64>,
}

impl Statistics {
    /// Updates the statistics that `buffer` contains.
    pub fn update(&mut self, buffer: &[u8]) {
        let (entries, _) = buffer.as_chunks::<ENTRY>();
        for entry in entries {
            let mut fields = Fields(entry);
            let (Some(tag), Some(value)) = (fields.u16(), fields.u64()) else { return };
            match tag {
                FREE => self.free = Some(value),
                TOTAL => self.total = Some(value),
                AVAILABLE => self.available = Some(value),
                CACHES => self.caches = Some(value),
                _ => {}
            }
        }
    }

    /// Returns the reported statistics by name, in MiB.
    pub fn in_mib(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("guest_free_mib", self.free),
            ("guest_total_mib", self.total),
            ("guest_available_mib", self.available),
            ("guest_caches_mib", self.caches),
        ]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes? >> 20)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_are_taken_and_the_rest_passed_over() {
        let mut buffer = Vec::new();
        for (tag, value) in [(6u16, 300u64 << 20), (99, 1), (4, 200 << 20), (6, 250 << 20)] {
            buffer.extend(tag.to_le_bytes());
            buffer.extend(value.to_le_bytes());
        }
        buffer.extend([5, 0, 1]);
        let mut statistics = Statistics { caches: Some(5 << 20), ..Statistics::default() };
        statistics.update(&buffer);
        let known: Vec<_> = statistics.in_mib().collect();
        assert_eq!(known, [("guest_free_mib", 200), ("guest_available_mib", 250), ("guest_caches_mib", 5)]);
    }
}
