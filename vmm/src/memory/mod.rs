//! Guest memory: anonymous and private to this process, around the hole below 4 GiB.

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

/// The least that boots anything.
pub const MINIMUM_MIB: u32 = 64;

const LARGE_PAGES_FREE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
const LARGE_PAGES_PROMISED: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages";

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
    /// Not a whole number of large pages.
    #[error("{0} MiB of memory do not divide into huge pages of 2 MiB; give the guest an even number")]
    Odd(u32),
    /// Fewer large pages are left than wanted.
    #[error(
        "the guest is to have {wanted} MiB in reserved huge pages, but this host has {free} MiB of them free; \
         raise vm.nr_hugepages by {missing} or set huge_pages to \"advise\""
    )]
    TooFewReserved {
        /// From the configuration.
        wanted: u32,
        /// Free and not promised to another process.
        free: u64,
        /// Pages.
        missing: u64,
    },
    /// The kernel said no.
    #[error("the host refused {0} MiB of memory for the guest: {1}")]
    Refused(u32, io::Error),
}

/// Host pages behind the guest's memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backing {
    /// Large or small.
    pub huge_pages: HugePages,
    /// Equal pages of several guests may become one (KSM).
    pub share: bool,
    /// Reserved huge pages that the host has left.
    pub large_pages_free: u64,
}

/// The reserved huge pages of the host that are free and not promised to another process.
pub fn large_pages_free() -> u64 {
    let pages = |path| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    pages(LARGE_PAGES_FREE).unwrap_or(0).saturating_sub(pages(LARGE_PAGES_PROMISED).unwrap_or(0))
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

/// Allocates guest memory of `mib` MiB, all zero. But for reserved pages the host gives them as the
/// guest touches them. It lasts as long as the process.
///
/// # Errors
/// When `mib` is too small, larger than the host, or refused by the kernel.
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
        // Only a region at the very end of the address space has no place.
        regions.extend(GuestRegionMmap::new(region, GuestAddress(start)));
    }
    let ram = GuestMemoryMmap::from_regions(regions)
        .map_err(|error| MemoryError::Refused(mib, io::Error::other(error.to_string())))?;
    Ok(Arc::new(ram))
}

fn map_region(size: u64, backing: Backing) -> io::Result<MmapRegion> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let (region, pages) = match backing.huge_pages {
        HugePages::Reserved => (mapping::reserved(size)?, None),
        HugePages::Advise => (mapping::lazy(size)?, Some(libc::MADV_HUGEPAGE)),
        HugePages::Never => (mapping::lazy(size)?, Some(libc::MADV_NOHUGEPAGE)),
    };
    let share = backing.share.then_some(libc::MADV_MERGEABLE);
    for advice in [pages, share, Some(libc::MADV_DONTDUMP)].into_iter().flatten() {
        // A host whose kernel was built without one of them does without it.
        if let Err(error) = mapping::advise(&region, advice) {
            tracing::warn!(advice, %error, "the host does not take an advice on the guest's memory");
        }
    }
    Ok(region)
}

fn refusal(mib: u32, backing: Backing, error: io::Error) -> MemoryError {
    if backing.huge_pages != HugePages::Reserved || error.raw_os_error() != Some(libc::ENOMEM) {
        return MemoryError::Refused(mib, error);
    }
    let free = backing.large_pages_free;
    let wanted_pages = (u64::from(mib) << 20) / LARGE_PAGE as u64;
    MemoryError::TooFewReserved { wanted: mib, free: free * 2, missing: wanted_pages.saturating_sub(free) }
}

/// Makes all of guest memory zero again; pages that are not reserved go back to the host. No
/// processor may run.
///
/// # Errors
/// When the host does not take the pages.
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

/// Host address ranges of guest memory, for accounting.
pub fn host_ranges(ram: &GuestRam) -> Vec<std::ops::Range<u64>> {
    ram.iter()
        .map(|region| {
            let start = region.as_ptr() as u64;
            start..start.saturating_add(region.len())
        })
        .collect()
}

/// End of the RAM below the hole.
pub fn low_end(ram: &GuestRam) -> u64 {
    ram.find_region(GuestAddress(0)).map_or(0, |region| region.len())
}

#[cfg(test)]
mod tests;
