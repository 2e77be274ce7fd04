//! The tables that 64-bit code needs from its first instruction: segments and an identity mapping.

use super::{BootError, too_small};
use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Bytes, GuestAddress};

/// Null twice, then `__BOOT_CS` (64-bit code) and `__BOOT_DS` (flat data), as the boot protocol numbers them.
const GDT: [u64; 4] = [0, 0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF];

const PRESENT_WRITABLE: u64 = 0b11;
const HUGE: u64 = 1 << 7;

/// Writes segments and 2 MiB identity pages for the first 4 GiB.
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
