//! Guest memory as mappings of this process.
//!
//! Invariants: a mapping is private and anonymous, begins at a multiple of 2 MiB, so that large
//! pages of the host can stand behind large pages of the guest, and stays until the process ends:
//! one process is one desktop, and whatever still holds an address in it (KVM's slots, a disk's
//! request under way) holds a valid one. Only guests and volatile accesses touch it.

use std::io;
use std::ptr;
use vm_memory::mmap::{MmapRegion, MmapRegionBuilder};

/// Bytes of a large page.
pub const LARGE_PAGE: usize = 2 << 20;

const PRIVATE: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Maps `size` bytes of zeroes, which the host provides as they are touched.
pub fn lazy(size: usize) -> io::Result<MmapRegion> {
    let room = size.checked_add(LARGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
    let start = map(room, PRIVATE | libc::MAP_NORESERVE)?;
    let head = start.align_offset(LARGE_PAGE);
    let tail = room.saturating_sub(head).saturating_sub(size);
    // SAFETY: `head + size + tail` is `room`, all of it just mapped and known to nobody else.
    unsafe {
        let first = start.add(head);
        unmap(start, head);
        unmap(first.add(size), tail);
        region(first, size, PRIVATE | libc::MAP_NORESERVE)
    }
}

/// Maps `size` bytes, a multiple of [`LARGE_PAGE`], of zeroes in pages that the host has set aside.
///
/// # Errors
/// ENOMEM when it has not that many left.
pub fn reserved(size: usize) -> io::Result<MmapRegion> {
    let flags = PRIVATE | libc::MAP_HUGETLB | libc::MAP_HUGE_2MB;
    let start = map(size, flags)?;
    // SAFETY: just mapped; such mappings begin at a multiple of their page.
    unsafe { region(start, size, flags) }
}

/// Tells the host about `region`; none of the advices that are given leaves it unmapped.
pub fn advise(region: &MmapRegion, advice: libc::c_int) -> io::Result<()> {
    // SAFETY: the range is a live private anonymous mapping that only guests and volatile
    // accesses touch; MADV_DONTNEED leaves zeroes.
    match unsafe { libc::madvise(region.as_ptr().cast(), region.size(), advice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn map(size: usize, flags: libc::c_int) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new anonymous mapping at a place of the kernel's choice touches nothing of ours.
    let start = unsafe { libc::mmap(ptr::null_mut(), size, access, flags, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.cast()) }
}

/// # Safety
/// The range is mapped and nobody knows of it.
unsafe fn unmap(start: *mut u8, size: usize) {
    if size > 0 {
        // SAFETY: as above.
        unsafe { libc::munmap(start.cast(), size) };
    }
}

/// # Safety
/// The range is mapped so, and stays.
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
