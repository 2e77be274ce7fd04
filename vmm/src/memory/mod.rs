//! Guest memory: its allocation, its backing by host pages, and its clearing at a reset.
//!
//! The memory is one or two anonymous private mappings of this process, around the hole below 4 GiB.
//! [`crate::cpu`] maps it into the VM, and devices access it by guest physical addresses. The balloon is
//! `oriel-virtio`'s.

mod map;
mod mapping;

pub use map::{MapEntry, RangeKind, map};

use crate::layout;
use mapping::LARGE_PAGE;
use oriel_virtio::GuestRam;
use oriel_vmm_api::HugePages;
use std::io;
use std::sync::Arc;
use vm_memory::mmap::{GuestRegionMmap, MmapRegion};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// Minimum guest memory in MiB, below which no guest boots.
pub const MINIMUM_MIB: u32 = 64;

/// File with the host's number of free reserved huge pages of 2 MiB.
const LARGE_PAGES_FREE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
/// File with the number of those pages that are committed to mappings but not allocated yet.
const LARGE_PAGES_COMMITTED: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages";

/// Reason for which guest memory could not be allocated.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Requested memory in MiB that is below [`MINIMUM_MIB`].
    #[error("{0} MiB of memory is too little for a guest; give it at least {MINIMUM_MIB} MiB")]
    TooSmall(u32),
    /// Requested memory that exceeds the host's total memory.
    #[error("the guest is to have {wanted} MiB of memory, but this host has {host} MiB; give it less")]
    LargerThanHost {
        /// Requested memory in MiB.
        wanted: u32,
        /// Total memory of the host in MiB (`MemTotal` in /proc/meminfo).
        host: u64,
    },
    /// Requested memory in MiB that is not a multiple of a huge page of 2 MiB.
    #[error("{0} MiB of memory do not divide into huge pages of 2 MiB; give the guest an even number")]
    Odd(u32),
    /// Requested memory that exceeds the host's free reserved huge pages.
    #[error(
        "the guest is to have {wanted} MiB in reserved huge pages, but this host has {free} MiB of them free; \
         raise vm.nr_hugepages by {missing} or set huge_pages to \"advise\""
    )]
    TooFewReserved {
        /// Requested memory in MiB.
        wanted: u32,
        /// Memory in MiB in reserved huge pages that are free and not committed to another process.
        free: u64,
        /// Number of huge pages that are missing.
        missing: u64,
    },
    /// Requested memory in MiB that the kernel refused, and its error.
    #[error("the host refused {0} MiB of memory for the guest: {1}")]
    Refused(u32, io::Error),
}

/// Options for the host pages that back guest memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backing {
    /// Use of huge pages of 2 MiB: reserved, advised or never.
    pub huge_pages: HugePages,
    /// Permission for the host to merge equal pages of several guests (KSM).
    pub share: bool,
    /// Number of free reserved huge pages of the host, for the text of an error.
    pub large_pages_free: u64,
}

/// Reads the number of reserved huge pages of 2 MiB that are free and not committed to another process. It is
/// 0 if the host has none or the files cannot be read.
pub fn large_pages_free() -> u64 {
    let pages = |path| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    pages(LARGE_PAGES_FREE).unwrap_or(0).saturating_sub(pages(LARGE_PAGES_COMMITTED).unwrap_or(0))
}

/// Returns start and size of the address ranges of `bytes` bytes of RAM: below the hole first, the rest from
/// 4 GiB on.
fn ranges(bytes: u64) -> Vec<(u64, u64)> {
    let low = bytes.min(layout::HOLE);
    let mut ranges = vec![(0, low)];
    if bytes > low {
        ranges.push((layout::HOLE_END, bytes - low));
    }
    ranges
}

/// Allocates `mib` MiB of zeroed guest memory. Without reserved pages, the host allocates each page at its
/// first access. The mappings are never removed before the process ends.
///
/// # Errors
/// A [`MemoryError`] when `mib` is too small, exceeds the host, is odd with reserved pages, or the kernel
/// refuses.
pub fn allocate(mib: u32, backing: Backing) -> Result<GuestRam, MemoryError> {
    if mib < MINIMUM_MIB {
        return Err(MemoryError::TooSmall(mib));
    }
    let host = crate::host::memory_mib();
    if u64::from(mib) > host {
        return Err(MemoryError::LargerThanHost { wanted: mib, host });
    }
    if backing.huge_pages == HugePages::Reserved && !mib.is_multiple_of(2) {
        return Err(MemoryError::Odd(mib));
    }
    let mut regions = Vec::new();
    for (start, size) in ranges(u64::from(mib) << 20) {
        let region = map_region(size, backing).map_err(|error| refusal(mib, backing, error))?;
        // `new` returns `None` only for a region that exceeds the address space.
        regions.extend(GuestRegionMmap::new(region, GuestAddress(start)));
    }
    let ram = GuestMemoryMmap::from_regions(regions)
        .map_err(|error| MemoryError::Refused(mib, io::Error::other(error.to_string())))?;
    Ok(Arc::new(ram))
}

/// Maps one region of `size` bytes and advises the kernel on its pages.
fn map_region(size: u64, backing: Backing) -> io::Result<MmapRegion> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let (region, pages) = match backing.huge_pages {
        HugePages::Reserved => (mapping::reserved(size)?, None),
        HugePages::Advise => (mapping::lazy(size)?, Some(libc::MADV_HUGEPAGE)),
        HugePages::Never => (mapping::lazy(size)?, Some(libc::MADV_NOHUGEPAGE)),
    };
    let share = backing.share.then_some(libc::MADV_MERGEABLE);
    for advice in [pages, share, Some(libc::MADV_DONTDUMP)].into_iter().flatten() {
        // Kernels may be built without support for huge pages or KSM, which only cost performance.
        if let Err(error) = mapping::advise(&region, advice) {
            oriel_vmm_api::log_limited!(warn, advice, %error, "the kernel refused an madvise on guest memory");
        }
    }
    Ok(region)
}

/// Converts a failed mapping to an error, which names the free pages if there are too few reserved ones.
fn refusal(mib: u32, backing: Backing, error: io::Error) -> MemoryError {
    if backing.huge_pages != HugePages::Reserved || error.raw_os_error() != Some(libc::ENOMEM) {
        return MemoryError::Refused(mib, error);
    }
    let free = backing.large_pages_free;
    let wanted_pages = (u64::from(mib) << 20) / LARGE_PAGE as u64;
    MemoryError::TooFewReserved { wanted: mib, free: free * 2, missing: wanted_pages.saturating_sub(free) }
}

/// Clears all guest memory to zero, for a reset. Pages that are not reserved are returned to the host. No
/// virtual processor may run.
///
/// # Errors
/// An error of the system when madvise(2) fails.
pub fn clear(ram: &GuestRam) -> io::Result<()> {
    for region in ram.iter() {
        if region.flags() & libc::MAP_HUGETLB == 0 {
            mapping::advise(region, libc::MADV_DONTNEED)?;
            continue;
        }
        let zeroes = vec![0; LARGE_PAGE];
        for start in (region.start_addr().raw_value()..=region.last_addr().raw_value()).step_by(LARGE_PAGE) {
            ram.write_slice(&zeroes, GuestAddress(start)).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// Returns the ranges of guest memory in this process's address space, for memory statistics.
pub fn host_ranges(ram: &GuestRam) -> Vec<std::ops::Range<u64>> {
    ram.iter()
        .map(|region| {
            let start = region.as_ptr() as u64;
            start..start.saturating_add(region.len())
        })
        .collect()
}

/// Returns the end of the RAM below the hole, in bytes from address 0.
pub fn low_end(ram: &GuestRam) -> u64 {
    ram.find_region(GuestAddress(0)).map_or(0, |region| region.len())
}

#[cfg(test)]
mod tests;
