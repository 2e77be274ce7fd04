//! Loader of a Linux bzImage by the 64-bit boot protocol (Documentation/arch/x86/boot.rst).

use super::{BootError, BootSource, Entry, tables, too_small};
use crate::{layout, memory};
use linux_loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use linux_loader::loader::{BzImage, KernelLoader};
use oriel_virtio::GuestRam;
use std::os::unix::fs::FileExt;
use vm_memory::{ByteValued, Bytes, GuestAddress};

/// Offset in bytes of the setup header in the file.
const SETUP_HEADER_OFFSET: u64 = 0x1F1;
/// Flag `XLF_KERNEL_64`: the protected-mode kernel has a 64-bit entry point at offset 0x200.
const XLF_KERNEL_64: u16 = 1;
/// Offset in bytes of the 64-bit entry point in the protected-mode kernel.
const ENTRY_64: u64 = 0x200;
/// Oldest supported version of the boot protocol: 2.12, which introduced `xloadflags` (Linux 3.8).
const OLDEST_PROTOCOL: u16 = 0x20C;
/// Type of this boot loader: "undefined" in the protocol's table.
const LOADER_TYPE: u8 = 0xFF;

/// Loads the bzImage of `source` at its preferred address, its initial RAM disk, `boot_params` and page
/// tables.
///
/// # Errors
/// A [`BootError`] when the kernel is damaged or unsupported, or `ram` is too small.
pub(super) fn load(source: &BootSource, ram: &GuestRam, rsdp: u64) -> Result<Entry, BootError> {
    let header = read_header(source)?;
    let pref_address = header.pref_address;
    let low_end = memory::low_end(ram);
    let kernel_end = pref_address.saturating_add(u64::from(header.init_size));
    if kernel_end > low_end {
        return Err(too_small(kernel_end));
    }
    let mut file = source.kernel.file.try_clone().map_err(|e| source.kernel.unreadable(e))?;
    let loaded = BzImage::load(&**ram, Some(GuestAddress(pref_address)), &mut file, None)
        .map_err(|error| source.kernel.damaged(error))?;

    let limit = low_end.min(u64::from(header.initrd_addr_max).saturating_add(1));
    let initrd = source.load_initrd(ram, kernel_end.max(loaded.kernel_end), limit)?;

    let mut params = boot_params { hdr: header, acpi_rsdp_addr: rsdp, ..Default::default() };
    params.hdr.type_of_loader = LOADER_TYPE;
    params.hdr.cmd_line_ptr = truncate(layout::CMDLINE);
    if let Some((address, size)) = initrd {
        params.hdr.ramdisk_image = truncate(address);
        params.hdr.ramdisk_size = truncate(size);
    }
    let map = memory::map(ram);
    for (slot, entry) in params.e820_table.iter_mut().zip(&map) {
        *slot = boot_e820_entry { addr: entry.start, size: entry.size, r#type: entry.kind as u32 };
    }
    params.e820_entries = u8::try_from(map.len()).unwrap_or(u8::MAX);
    ram.write_obj(params, GuestAddress(layout::ZERO_PAGE)).map_err(|_| too_small(layout::HIGH_RAM))?;
    tables::write(ram)?;
    Ok(Entry::Linux64 { rip: pref_address.saturating_add(ENTRY_64), zero_page: layout::ZERO_PAGE })
}

/// Reads the setup header, and checks version, length, load address and the command line's maximum.
fn read_header(source: &BootSource) -> Result<setup_header, BootError> {
    let kernel = &source.kernel;
    let mut header = setup_header::default();
    kernel
        .file
        .read_exact_at(header.as_mut_slice(), SETUP_HEADER_OFFSET)
        .map_err(|_| kernel.damaged("its header is cut short"))?;
    let unsupported = |problem| BootError::Unsupported { path: kernel.path.clone(), problem };
    if { header.version } < OLDEST_PROTOCOL || header.xloadflags & XLF_KERNEL_64 == 0 {
        return Err(unsupported("it has no 64-bit entry point; use a 64-bit kernel"));
    }
    let setup_sectors = if header.setup_sects == 0 { 4 } else { u64::from(header.setup_sects) };
    let declared = (setup_sectors + 1) * 512 + u64::from(header.syssize) * 16;
    if kernel.length < declared {
        return Err(kernel.damaged(format!("it has {} bytes and should have {declared}", kernel.length)));
    }
    if { header.pref_address } < layout::HIGH_RAM || header.init_size == 0 {
        return Err(kernel.damaged("its header names no sensible load address"));
    }
    let limit = usize::try_from(header.cmdline_size).unwrap_or(0);
    if source.cmdline.len() > limit {
        return Err(BootError::CommandLineTooLong { length: source.cmdline.len(), limit });
    }
    Ok(header)
}

/// Converts an address or a size to 32 bits. All of them are below 4 GiB by the memory layout.
fn truncate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
