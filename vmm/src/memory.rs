//! Guest memory: anonymous and private to this process, around the hole below 4 GiB.

use crate::layout;
use oriel_virtio::GuestRam;
use std::sync::Arc;
use vm_memory::{Address, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// The least that boots anything.
pub const MINIMUM_MIB: u32 = 64;

/// Why the guest's memory could not be had.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Below [`MINIMUM_MIB`].
    #[error("{0} MiB of memory is too little for a guest; give it at least {MINIMUM_MIB} MiB")]
    TooSmall(u32),
    /// More than the host has in all.
    #[error("the guest is to have {wanted} MiB of memory, but this host has {host} MiB; give it less")]
    LargerThanHost {
        /// From the configuration.
        wanted: u32,
        /// `MemTotal`.
        host: u64,
    },
    /// The kernel said no.
    #[error("the host refused {0} MiB of memory for the guest: {1}")]
    Refused(u32, String),
}

/// What a range of the guest's address space is, as firmware would tell (E820, `hvm_memmap`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    /// Usable memory.
    Ram = 1,
    /// Hands off.
    Reserved = 2,
}

/// One entry of the guest's memory map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapEntry {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What is there.
    pub kind: RangeKind,
}

/// Where `bytes` of RAM lie: below the hole first, the rest from 4 GiB on.
fn ranges(bytes: u64) -> Vec<(u64, u64)> {
    let low = bytes.min(layout::HOLE);
    let mut ranges = vec![(0, low)];
    if bytes > low {
        ranges.push((layout::HOLE_END, bytes - low));
    }
    ranges
}

/// Allocates guest memory of `mib` MiB, all zero; the host gives pages as the guest touches them.
///
/// # Errors
/// When `mib` is too small, larger than the host, or refused by the kernel.
pub fn allocate(mib: u32) -> Result<GuestRam, MemoryError> {
    if mib < MINIMUM_MIB {
        return Err(MemoryError::TooSmall(mib));
    }
    let host = crate::host::memory_mib();
    if u64::from(mib) > host {
        return Err(MemoryError::LargerThanHost { wanted: mib, host });
    }
    let ranges: Vec<(GuestAddress, usize)> = ranges(u64::from(mib) << 20)
        .into_iter()
        .map(|(start, size)| (GuestAddress(start), usize::try_from(size).unwrap_or(usize::MAX)))
        .collect();
    let ram = GuestMemoryMmap::from_ranges(&ranges)
        .map_err(|error| MemoryError::Refused(mib, error.to_string()))?;
    advise(&ram, libc::MADV_HUGEPAGE);
    advise(&ram, libc::MADV_DONTDUMP);
    Ok(Arc::new(ram))
}

/// Makes all of guest memory zero again by giving its pages back to the host.
pub fn clear(ram: &GuestRam) {
    advise(ram, libc::MADV_DONTNEED);
}

/// Host address ranges of guest memory, for accounting.
pub fn host_ranges(ram: &GuestRam) -> Vec<std::ops::Range<u64>> {
    ram.iter()
        .map(|region| {
            let start = region.as_ptr() as u64;
            start..start.saturating_add(region.len())
        })
        .collect()
}

fn advise(ram: &GuestMemoryMmap, advice: libc::c_int) {
    for region in ram.iter() {
        let length = usize::try_from(region.len()).unwrap_or(0);
        // SAFETY: the range is a live private anonymous mapping that only guests and volatile
        // accesses touch; none of the advices used unmaps it, and DONTNEED leaves zero pages.
        unsafe { libc::madvise(region.as_ptr().cast(), length, advice) };
    }
}

/// The map that firmware would hand to the kernel.
pub fn map(ram: &GuestRam) -> Vec<MapEntry> {
    let entry = |start, end: u64, kind| MapEntry { start, size: end.saturating_sub(start), kind };
    let mut map = vec![
        entry(0, layout::LOW_RAM_END, RangeKind::Ram),
        entry(layout::LOW_RAM_END, layout::HIGH_RAM, RangeKind::Reserved),
        entry(layout::HIGH_RAM, low_end(ram), RangeKind::Ram),
        entry(layout::ECAM, layout::ECAM + layout::ECAM_SIZE, RangeKind::Reserved),
    ];
    let end = ram.last_addr().raw_value().saturating_add(1);
    if end > layout::HOLE_END {
        map.push(entry(layout::HOLE_END, end, RangeKind::Ram));
    }
    map
}

/// End of the RAM below the hole.
pub fn low_end(ram: &GuestRam) -> u64 {
    ram.find_region(GuestAddress(0)).map_or(0, |region| region.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::Bytes;

    #[test]
    fn ram_goes_around_the_hole() {
        assert_eq!(ranges(1 << 30), [(0, 1 << 30)]);
        assert_eq!(ranges(3 << 30), [(0, 3 << 30)]);
        assert_eq!(ranges(4 << 30), [(0, 3 << 30), (4 << 30, 1 << 30)]);
    }

    #[test]
    fn the_map_tells_of_all_ram_and_nothing_twice() {
        let ram = allocate(4096).unwrap();
        let map = map(&ram);
        let told: u64 = map.iter().filter(|e| e.kind == RangeKind::Ram).map(|e| e.size).sum();
        let hidden = layout::HIGH_RAM - layout::LOW_RAM_END;
        assert_eq!(told, (4096 << 20) - hidden);
        for pair in map.windows(2) {
            assert!(pair[0].start + pair[0].size <= pair[1].start, "{pair:?} overlap");
        }
    }

    #[test]
    fn too_small_and_too_large_are_refused() {
        assert!(matches!(allocate(63), Err(MemoryError::TooSmall(63))));
        assert!(matches!(allocate(u32::MAX), Err(MemoryError::LargerThanHost { .. })));
    }

    #[test]
    fn cleared_memory_is_zero() {
        let ram = allocate(64).unwrap();
        ram.write_obj(0xDEAD_BEEFu32, GuestAddress(0x10_0000)).unwrap();
        clear(&ram);
        assert_eq!(ram.read_obj::<u32>(GuestAddress(0x10_0000)).unwrap(), 0);
    }
}
