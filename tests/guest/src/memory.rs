//! The heap, DMA memory, and the memory functions that compiled code calls.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::asm;
use core::cell::UnsafeCell;
use core::ops::Range;
use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(linked_list_allocator::Heap::empty()));

/// All memory behind the image.
struct Heap(UnsafeCell<linked_list_allocator::Heap>);

// SAFETY: there is one thread, and interrupt handlers allocate nothing.
unsafe impl Sync for Heap {}

/// Gives the heap its memory.
///
/// # Safety
/// The range must be memory that nothing else uses, and this is called once.
pub unsafe fn init_heap(range: Range<usize>) {
    let start = core::ptr::with_exposed_provenance_mut(range.start);
    // SAFETY: the caller's promise; nothing else borrows the heap meanwhile.
    unsafe { (*HEAP.0.get()).init(start, range.len()) };
}

// SAFETY: blocks come from a heap that keeps them apart, in the range that `init_heap` was
// promised; there is one thread, so no two borrows of the heap overlap.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { (*self.0.get()).allocate_first_fit(layout) };
        block.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller got the block from `alloc` with this layout.
            unsafe { (*self.0.get()).deallocate(block, layout) };
        }
    }
}

/// Memory as virtio devices see it: identity-mapped, so nothing is translated.
pub struct IdentityHal;

// SAFETY: DMA blocks come page-aligned and zeroed from the heap, and every
// address below 4 GiB is its own virtual address.
unsafe impl Hal for IdentityHal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let failed = (0, NonNull::dangling());
        let Ok(layout) = Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE) else { return failed };
        if layout.size() == 0 {
            return failed;
        }
        // SAFETY: the layout has a size other than zero.
        let block = unsafe { alloc::alloc::alloc_zeroed(layout) };
        NonNull::new(block).map_or(failed, |block| (block.as_ptr().expose_provenance() as PhysAddr, block))
    }

    unsafe fn dma_dealloc(_paddr: PhysAddr, vaddr: NonNull<u8>, pages: usize) -> i32 {
        let Ok(layout) = Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE) else { return -1 };
        // SAFETY: `dma_alloc` used the same layout.
        unsafe { alloc::alloc::dealloc(vaddr.as_ptr(), layout) };
        0
    }

    unsafe fn mmio_phys_to_virt(paddr: PhysAddr, _size: usize) -> NonNull<u8> {
        NonNull::new(core::ptr::with_exposed_provenance_mut(paddr as usize)).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().expose_provenance() as PhysAddr
    }

    unsafe fn unshare(_paddr: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

// The C library's part. String instructions, so that the compiler does not turn
// the bodies into calls of themselves.

/// Copies `count` bytes.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller promises valid ranges that do not overlap.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") count => _,
            options(nostack, preserves_flags));
    }
    to
}

/// Copies `count` bytes between ranges that may overlap.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= count {
        // SAFETY: the caller promises valid ranges, and an upward copy never
        // reads a byte that it has overwritten.
        unsafe {
            asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") count => _,
                options(nostack, preserves_flags));
        }
    } else {
        // SAFETY: the ranges overlap, so `count` is not zero and the last bytes exist.
        unsafe {
            asm!("std", "rep movsb", "cld",
                inout("rdi") to.wrapping_add(count).wrapping_sub(1) => _,
                inout("rsi") from.wrapping_add(count).wrapping_sub(1) => _,
                inout("rcx") count => _, options(nostack));
        }
    }
    to
}

/// Fills `count` bytes.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller promises a valid range.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, inout("rcx") count => _, in("al") value as u8,
            options(nostack, preserves_flags));
    }
    to
}

/// Compares `count` bytes.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    for index in 0..count {
        // SAFETY: the caller promises `count` readable bytes on both sides.
        let (a, b) = unsafe { (left.add(index).read_volatile(), right.add(index).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// Compares `count` bytes for equality.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's promise is the same.
    unsafe { memcmp(left, right, count) }
}

/// Counts the bytes before the terminating zero.
///
/// # Safety
/// As for the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller promises a terminated string.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
