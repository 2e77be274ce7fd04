//! Segment descriptors and identity-mapping page tables, which Linux' 64-bit boot protocol requires at entry.

use super::{BootError, too_small};
use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Bytes, GuestAddress};

/// Segment descriptors: two null ones, then `__BOOT_CS` (64-bit code, 0x10) and `__BOOT_DS` (flat data,
/// 0x18).
const GDT: [u64; 4] = [0, 0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF];

/// Flags P and R/W of a page table entry.
const PRESENT_WRITABLE: u64 = 0b11;
/// Flag PS of a page directory entry: a page of 2 MiB.
const HUGE: u64 = 1 << 7;

/// Writes the descriptor table, and page tables that map the first 4 GiB to themselves with pages of 2 MiB.
///
/// # Errors
/// [`BootError::DoesNotFit`] when guest memory does not reach to the tables.
pub fn write(ram: &GuestRam) -> Result<(), BootError> {
    let put = |address: u64, value: u64| {
        ram.write_obj(value, GuestAddress(address)).map_err(|_| too_small(layout::HIGH_RAM))
    };
    for (address, descriptor) in (layout::GDT..).step_by(8).zip(GDT) {
        put(address, descriptor)?;
    }
    let pml4 = layout::PAGE_TABLES;
    let pdpt = pml4 + 0x1000;
    put(pml4, pdpt | PRESENT_WRITABLE)?;
    for gib in 0..4u64 {
        let directory = pdpt + 0x1000 * (gib + 1);
        put(pdpt + 8 * gib, directory | PRESENT_WRITABLE)?;
        for index in 0..512u64 {
            put(directory + 8 * index, gib << 30 | index << 21 | HUGE | PRESENT_WRITABLE)?;
        }
    }
    Ok(())
}
