//! Loader of an ELF kernel with a PVH note (Xen's docs/misc/pvh.pandoc; note type 18,
//! `XEN_ELFNOTE_PHYS32_ENTRY`).

use super::{BootError, BootSource, Entry, too_small};
use crate::{layout, memory};
use linux_loader::loader::elf::{Elf, PvhBootCapability};
use linux_loader::loader::{Error as LoaderError, KernelLoader};
use linux_loader::start_info::{hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info};
use oriel_virtio::GuestRam;
use std::os::unix::fs::FileExt;
use vm_memory::{ByteValued, Bytes, GuestAddress};

/// Magic number of `hvm_start_info`.
const START_MAGIC: u32 = 0x336E_C578;
/// Version of `hvm_start_info` that has a memory map.
const START_VERSION: u32 = 1;
/// ELF class of 64-bit files (`ELFCLASS64`), at offset 4.
const ELF_CLASS_64: u8 = 2;
/// ELF machine of x86-64 (`EM_X86_64`), little-endian at offset 18.
const ELF_MACHINE_X86_64: [u8; 2] = [62, 0];
/// Address of the module list, which holds the initial RAM disk.
const MODULE_LIST: u64 = layout::PVH_START_INFO + 0x100;
/// Address of the memory map.
const MEMORY_MAP: u64 = layout::PVH_START_INFO + 0x200;

/// Wrapper that makes `linux-loader`'s structures [`ByteValued`], which the orphan rule forbids for the
/// structures themselves.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
struct Plain<T>(T);
// SAFETY: `repr(C)` structures of integers without padding, valid for every bit pattern.
unsafe impl ByteValued for Plain<hvm_start_info> {}
// SAFETY: as above.
unsafe impl ByteValued for Plain<hvm_modlist_entry> {}
// SAFETY: as above.
unsafe impl ByteValued for Plain<hvm_memmap_table_entry> {}

/// Loads the ELF segments of `source`, its initial RAM disk and `hvm_start_info`.
///
/// # Errors
/// A [`BootError`] when the kernel is damaged or has no PVH note, or `ram` is too small.
pub(super) fn load(source: &BootSource, ram: &GuestRam, rsdp: u64) -> Result<Entry, BootError> {
    let kernel = &source.kernel;
    let mut ident = [0; 20];
    kernel.file.read_exact_at(&mut ident, 0).map_err(|_| kernel.damaged("its header is cut short"))?;
    if ident[4] != ELF_CLASS_64 || ident[18..20] != ELF_MACHINE_X86_64 {
        return Err(unsupported(source, "it is not a 64-bit x86 ELF file"));
    }
    let mut file = kernel.file.try_clone().map_err(|e| kernel.unreadable(e))?;
    let loaded = Elf::load(&**ram, None, &mut file, None).map_err(|error| match error {
        LoaderError::Elf(inner) => {
            kernel.damaged(format!("or larger than the guest's memory: {}", text_of(&inner)))
        }
        other => kernel.damaged(text_of(&other)),
    })?;
    let PvhBootCapability::PvhEntryPresent(entry) = loaded.pvh_boot_cap else {
        return Err(unsupported(source, "it is an ELF file without a PVH note; use a bzImage"));
    };
    let eip = u32::try_from(entry.0).map_err(|_| kernel.damaged("its entry lies above 4 GiB"))?;
    if loaded.kernel_end > memory::low_end(ram) {
        return Err(too_small(loaded.kernel_end));
    }
    let initrd = source.load_initrd(ram, loaded.kernel_end, memory::low_end(ram))?;
    write_start_info(ram, initrd, rsdp).map_err(|_| too_small(layout::HIGH_RAM))?;
    let start_info = u32::try_from(layout::PVH_START_INFO).unwrap_or(0);
    Ok(Entry::Pvh { eip, start_info })
}

/// Writes `hvm_start_info`, the module list and the memory map.
fn write_start_info(
    ram: &GuestRam,
    initrd: Option<(u64, u64)>,
    rsdp: u64,
) -> Result<(), vm_memory::GuestMemoryError> {
    let map = memory::map(ram);
    let mut info = hvm_start_info {
        magic: START_MAGIC,
        version: START_VERSION,
        cmdline_paddr: layout::CMDLINE,
        rsdp_paddr: rsdp,
        memmap_paddr: MEMORY_MAP,
        memmap_entries: u32::try_from(map.len()).unwrap_or(0),
        ..Default::default()
    };
    if let Some((paddr, size)) = initrd {
        info.nr_modules = 1;
        info.modlist_paddr = MODULE_LIST;
        let module = hvm_modlist_entry { paddr, size, ..Default::default() };
        ram.write_obj(Plain(module), GuestAddress(MODULE_LIST))?;
    }
    let step = size_of::<hvm_memmap_table_entry>();
    for (address, entry) in (MEMORY_MAP..).step_by(step).zip(&map) {
        let entry = hvm_memmap_table_entry {
            addr: entry.start,
            size: entry.size,
            type_: entry.kind as u32,
            reserved: 0,
        };
        ram.write_obj(Plain(entry), GuestAddress(address))?;
    }
    ram.write_obj(Plain(info), GuestAddress(layout::PVH_START_INFO))
}

/// Returns the error of a kernel that lacks a feature.
fn unsupported(source: &BootSource, problem: &'static str) -> BootError {
    BootError::Unsupported { path: source.kernel.path.clone(), problem }
}

/// Returns the text of a loader's error without the loader's name, and in lower case.
fn text_of(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.trim_start_matches("Kernel Loader: ").to_lowercase()
}
