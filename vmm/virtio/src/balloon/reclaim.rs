//! Reclaiming pages of guest memory for the host (madvise(2)).
//!
//! Invariants: only whole pages within a region of guest memory are reclaimed, and the region stays
//! mapped. Such pages then read as zero (or, in a private mapping of a file, as the file), for the
//! guest and for devices alike: a scanout in such pages turns black, a queue is empty. A guest can harm
//! itself only.

use super::page_list::PAGE;
use std::io;
use vm_memory::{Address, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// Error of a range that was not reclaimed.
#[derive(Debug, thiserror::Error)]
pub enum ReclaimError {
    /// The range is not entirely within guest memory.
    #[error("not in guest memory")]
    OutsideMemory,
    /// The range is in reserved huge pages. A reclaimed page might be unavailable at the guest's next access.
    #[error("reserved pages stay where they are")]
    Reserved,
    /// Error of madvise(2).
    #[error("the host refused: {0}")]
    Host(#[from] io::Error),
}

/// Reclaims the whole pages between guest addresses `start` and `start + size`.
///
/// # Errors
/// When a part of the range is not in guest memory, or cannot be reclaimed.
pub fn reclaim(memory: &GuestMemoryMmap, start: u64, size: u64) -> Result<(), ReclaimError> {
    let end = start.checked_add(size).ok_or(ReclaimError::OutsideMemory)?;
    let mut at = start.checked_next_multiple_of(PAGE).ok_or(ReclaimError::OutsideMemory)?;
    let end = end & !(PAGE - 1);
    while at < end {
        let region = memory.find_region(GuestAddress(at)).ok_or(ReclaimError::OutsideMemory)?;
        let offset = at - region.start_addr().raw_value();
        let count = (end - at).min(region.len() - offset);
        let advice = match region.flags() {
            flags if flags & libc::MAP_HUGETLB != 0 => return Err(ReclaimError::Reserved),
            flags if flags & libc::MAP_PRIVATE != 0 => libc::MADV_DONTNEED,
            _ => libc::MADV_REMOVE,
        };
        let whole = |bytes: u64| usize::try_from(bytes).map_err(|_| ReclaimError::OutsideMemory);
        let (offset, count_bytes) = (whole(offset)?, whole(count)?);
        // SAFETY: `offset + count` is at most the region's length and `memory` keeps it mapped.
        // Both advices leave the mapping as it is; guest memory is only ever read and written
        // by guests and by volatile accesses, which expect any byte at any time.
        if unsafe { libc::madvise(region.as_ptr().add(offset).cast(), count_bytes, advice) } != 0 {
            return Err(io::Error::last_os_error().into());
        }
        at += count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::Bytes;

    fn memory() -> GuestMemoryMmap {
        // Two regions that touch and one beyond a hole.
        let regions =
            [(GuestAddress(0), 0x4000), (GuestAddress(0x4000), 0x4000), (GuestAddress(0x10000), 0x4000)];
        let memory = GuestMemoryMmap::from_ranges(&regions).unwrap();
        memory.write_slice(&[7; 0x8000], GuestAddress(0)).unwrap();
        memory.write_slice(&[7; 0x4000], GuestAddress(0x10000)).unwrap();
        memory
    }

    fn kept(memory: &GuestMemoryMmap) -> Vec<u64> {
        let pages = [0u64, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19];
        let byte = |page: &u64| memory.read_obj::<u8>(GuestAddress(page * PAGE)).unwrap();
        pages.iter().filter(|page| byte(page) != 0).copied().collect()
    }

    #[test]
    fn whole_pages_go_and_their_neighbours_stay() {
        let memory = memory();
        reclaim(&memory, 0x1800, 0x3000).unwrap();
        assert_eq!(kept(&memory), [0, 1, 4, 5, 6, 7, 16, 17, 18, 19]);
        reclaim(&memory, 0x3000, 0x3000).unwrap();
        assert_eq!(kept(&memory), [0, 1, 6, 7, 16, 17, 18, 19], "over the border of two regions");
        reclaim(&memory, 0x6800, 0x100).unwrap();
        assert_eq!(kept(&memory), [0, 1, 6, 7, 16, 17, 18, 19], "no whole page");
    }

    #[test]
    fn what_is_not_guest_memory_is_refused() {
        let memory = memory();
        for (start, size) in
            [(0x8000, PAGE), (0x7000, 2 * PAGE), (u64::MAX - 10, 100), (u64::MAX, 1), (1 << 52, PAGE)]
        {
            assert!(matches!(reclaim(&memory, start, size), Err(ReclaimError::OutsideMemory)), "{start:#x}");
        }
        assert!(kept(&memory).ends_with(&[16, 17, 18, 19]));
    }
}
