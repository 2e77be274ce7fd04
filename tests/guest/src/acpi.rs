//! Just enough ACPI to find the power-management timer (ACPI 6.5, section 5.2).

use core::ops::Range;

/// Where firmware leaves the root pointer when the boot loader does not pass it.
const FIRMWARE_AREA: Range<usize> = 0xe_0000..0x10_0000;
const MAPPED_END: usize = 1 << 32;

const RSDP_RSDT: usize = 16;
const RSDP_REVISION: usize = 15;
const RSDP_XSDT: usize = 24;
const TABLE_LENGTH: usize = 4;
const TABLE_HEADER: usize = 36;
const FADT_PM_TIMER: usize = 76;
const FADT_X_PM_TIMER: usize = 208;
const GAS_ADDRESS: usize = 4;
const GAS_SYSTEM_IO: u8 = 1;

fn read<T: Copy>(address: usize) -> Option<T> {
    if address == 0 || address.checked_add(size_of::<T>())? > MAPPED_END {
        return None;
    }
    // SAFETY: the first 4 GiB are mapped, reading has no effect on memory, and
    // `T` is an integer or an array of bytes here.
    Some(unsafe { core::ptr::with_exposed_provenance::<T>(address).read_unaligned() })
}

/// The I/O port of the power-management timer, by the fixed ACPI description table.
pub fn pm_timer_port(rsdp: Option<usize>) -> Option<u16> {
    let fadt = find_fadt(rsdp.or_else(scan_for_rsdp)?)?;
    let length = read::<u32>(fadt + TABLE_LENGTH)? as usize;
    if length >= FADT_X_PM_TIMER + 12 && read::<u8>(fadt + FADT_X_PM_TIMER)? == GAS_SYSTEM_IO {
        let port = read::<u64>(fadt + FADT_X_PM_TIMER + GAS_ADDRESS)?;
        if port != 0 {
            return u16::try_from(port).ok();
        }
    }
    let port = read::<u32>(fadt + FADT_PM_TIMER)?;
    u16::try_from(port).ok().filter(|port| *port != 0)
}

fn scan_for_rsdp() -> Option<usize> {
    FIRMWARE_AREA.step_by(16).find(|address| read(*address) == Some(*b"RSD PTR "))
}

fn find_fadt(rsdp: usize) -> Option<usize> {
    let xsdt =
        if read::<u8>(rsdp + RSDP_REVISION)? >= 2 { read::<u64>(rsdp + RSDP_XSDT)? as usize } else { 0 };
    let (root, entry_size) = if xsdt != 0 { (xsdt, 8) } else { (read::<u32>(rsdp + RSDP_RSDT)? as usize, 4) };
    let end = root + read::<u32>(root + TABLE_LENGTH)? as usize;
    (root + TABLE_HEADER..end).step_by(entry_size).find_map(|entry| {
        let table = match entry_size {
            8 => read::<u64>(entry)? as usize,
            _ => read::<u32>(entry)? as usize,
        };
        (read(table) == Some(*b"FACP")).then_some(table)
    })
}
