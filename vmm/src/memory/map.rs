//! Map of the guest's physical memory for the kernel, which firmware would supply on a PC (E820, PVH's
//! `hvm_memmap_table_entry`).

use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Address, GuestMemoryBackend};

/// Type of an address range, with the number that E820 and PVH give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    /// RAM that the guest may use.
    Ram = 1,
    /// Range that the guest must not use as RAM.
    Reserved = 2,
}

/// Entry of the guest's memory map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapEntry {
    /// First guest physical address of the range.
    pub start: u64,
    /// Size of the range in bytes.
    pub size: u64,
    /// Type of the range.
    pub kind: RangeKind,
}

/// Returns the memory map of a guest with `ram`, in ascending order. Addresses without an entry are unused or
/// the PCI hole.
pub fn map(ram: &GuestRam) -> Vec<MapEntry> {
    let entry = |start, end: u64, kind| MapEntry { start, size: end.saturating_sub(start), kind };
    let mut map = vec![
        entry(0, layout::LOW_RAM_END, RangeKind::Ram),
        entry(layout::LOW_RAM_END, layout::HIGH_RAM, RangeKind::Reserved),
        entry(layout::HIGH_RAM, super::low_end(ram), RangeKind::Ram),
        entry(layout::ECAM, layout::ECAM + layout::ECAM_SIZE, RangeKind::Reserved),
    ];
    let end = ram.last_addr().raw_value().saturating_add(1);
    if end > layout::HOLE_END {
        map.push(entry(layout::HOLE_END, end, RangeKind::Ram));
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Backing, allocate};

    #[test]
    fn the_map_tells_of_all_ram_and_nothing_twice() {
        let ram = allocate(4096, Backing::default()).unwrap();
        let map = map(&ram);
        let told: u64 = map.iter().filter(|e| e.kind == RangeKind::Ram).map(|e| e.size).sum();
        let hidden = layout::HIGH_RAM - layout::LOW_RAM_END;
        assert_eq!(told, (4096 << 20) - hidden);
        for pair in map.windows(2) {
            assert!(pair[0].start + pair[0].size <= pair[1].start, "{pair:?} overlap");
        }
    }

    #[test]
    fn what_the_machine_keeps_in_memory_is_reserved() {
        let ram = allocate(64, Backing::default()).unwrap();
        let reserved = |address: u64| {
            map(&ram).iter().any(|entry| {
                entry.kind == RangeKind::Reserved
                    && (entry.start..entry.start + entry.size).contains(&address)
            })
        };
        assert!(reserved(layout::VMGENID) && reserved(layout::ACPI) && reserved(layout::RESET_VECTOR));
    }
}
