//! Anonymous mappings of this process for guest memory.
//!
//! Invariants: a mapping is private and anonymous, and begins at a multiple of 2 MiB, so that huge pages of
//! the host can back huge pages of the guest. It stays until the process ends, so that an address in it, as
//! in KVM's memory slots or a pending disk request, is always valid. Only the guest and volatile accesses
//! touch it.

use std::io;
use std::ptr;
use vm_memory::mmap::{MmapRegion, MmapRegionBuilder};

/// Size of a huge page in bytes.
pub const LARGE_PAGE: usize = 2 << 20;

/// Flags of every mapping (mmap(2)).
const PRIVATE: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Maps `size` zeroed bytes, for which the host allocates each page at its first access.
///
/// # Errors
/// An error of mmap(2), or `OutOfMemory` when `size` overflows.
pub fn lazy(size: usize) -> io::Result<MmapRegion> {
    let room = size.checked_add(LARGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
    let start = map(room, PRIVATE | libc::MAP_NORESERVE)?;
    let head = start.align_offset(LARGE_PAGE);
    let tail = room.saturating_sub(head).saturating_sub(size);
    // SAFETY: `head + size + tail` is `room`, all of it just mapped, and no other code has its address.
    unsafe {
        let first = start.add(head);
        unmap(start, head);
        unmap(first.add(size), tail);
        region(first, size, PRIVATE | libc::MAP_NORESERVE)
    }
}

/// Maps `size` zeroed bytes, a multiple of [`LARGE_PAGE`], in reserved huge pages of the host.
///
/// # Errors
/// An error of mmap(2): ENOMEM when the host has too few reserved pages.
pub fn reserved(size: usize) -> io::Result<MmapRegion> {
    let flags = PRIVATE | libc::MAP_HUGETLB | libc::MAP_HUGE_2MB;
    let start = map(size, flags)?;
    // SAFETY: just mapped with these flags; the kernel aligns such mappings to their page size.
    unsafe { region(start, size, flags) }
}

/// Gives the kernel an `advice` on the pages of `region` (madvise(2)). It must not be one that unmaps pages.
///
/// # Errors
/// An error of madvise(2), such as EINVAL for an advice that the kernel does not support.
pub fn advise(region: &MmapRegion, advice: libc::c_int) -> io::Result<()> {
    // SAFETY: the range is a live private anonymous mapping that only guests and volatile
    // accesses touch; MADV_DONTNEED leaves zeroes.
    match unsafe { libc::madvise(region.as_ptr().cast(), region.size(), advice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Maps `size` bytes at an address that the kernel chooses.
fn map(size: usize, flags: libc::c_int) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice overlaps no other mapping.
    let start = unsafe { libc::mmap(ptr::null_mut(), size, access, flags, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.cast()) }
}

/// Unmaps `size` bytes from `start` on.
///
/// # Safety
/// The range is mapped, and no other code has its address.
unsafe fn unmap(start: *mut u8, size: usize) {
    if size > 0 {
        // SAFETY: as above.
        unsafe { libc::munmap(start.cast(), size) };
    }
}

/// Builds the region of a mapping.
///
/// # Safety
/// The range is mapped with these `flags`, and stays mapped.
unsafe fn region(start: *mut u8, size: usize, flags: libc::c_int) -> io::Result<MmapRegion> {
    let builder = MmapRegionBuilder::new(size)
        .with_mmap_prot(libc::PROT_READ | libc::PROT_WRITE)
        .with_mmap_flags(flags);
    // SAFETY: as above.
    unsafe { builder.with_raw_mmap_pointer(start) }.build().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pages_fit_wherever_the_kernel_maps() {
        for size in [LARGE_PAGE, 64 << 20, (64 << 20) + 4096] {
            let region = lazy(size).unwrap();
            assert_eq!(region.as_ptr().align_offset(LARGE_PAGE), 0);
            assert_eq!(region.size(), size);
        }
    }
}
