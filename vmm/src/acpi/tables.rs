//! Static ACPI tables (FADT, MADT, MCFG, XSDT, RSDP) as one memory image with the DSDT (ACPI 6.5,
//! section 5.2).

use super::{OEM_ID, OEM_REVISION, OEM_TABLE_ID, dsdt};
use crate::layout;
use acpi_tables::Aml;
use acpi_tables::fadt::{FADT, FADTBuilder, Flags, PmProfile};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic};
use acpi_tables::mcfg::MCFG;
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;

/// `IAPC_BOOT_ARCH` of the FADT (ACPI 6.5, section 5.2.9.3): VGA Not Present and PCIe ASPM Controls. The
/// clear bits mean no legacy devices, no i8042, and a CMOS RTC that is present.
const IAPC_BOOT_ARCH: u16 = 1 << 2 | 1 << 4;

/// Bytes at the start of the image for the RSDP, which has 36.
const RSDP_SPACE: u64 = 64;

/// Builds the image of all tables of a machine with `cpus` processors. The image starts with the RSDP and
/// contains addresses for a place at guest physical address `base`. Tables are aligned to 64 bytes.
pub fn build_image(base: u64, cpus: u8) -> Vec<u8> {
    let mut image = vec![0; RSDP_SPACE as usize];
    let append = |image: &mut Vec<u8>, table: &[u8]| {
        image.resize(image.len().next_multiple_of(64), 0);
        let address = base + image.len() as u64;
        image.extend_from_slice(table);
        address
    };
    let dsdt = append(&mut image, &sdt(*b"DSDT", &dsdt::build_body()));
    let mut xsdt = XSDT::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    for table in [to_bytes(&fadt(dsdt)), to_bytes(&madt(cpus)), to_bytes(&mcfg())] {
        let address = append(&mut image, &table);
        xsdt.add_entry(address);
    }
    let xsdt = append(&mut image, &to_bytes(&xsdt));
    let rsdp = to_bytes(&Rsdp::new(OEM_ID, xsdt));
    for (to, from) in image.iter_mut().zip(rsdp) {
        *to = from;
    }
    image
}

/// Serialises `table`.
fn to_bytes(table: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    table.to_aml_bytes(&mut bytes);
    bytes
}

/// Builds a system description table of revision 2 with the header of `signature` and the AML `body`.
pub(super) fn sdt(signature: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut table = Sdt::new(signature, 36, 2, OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    table.append_slice(body);
    table.as_slice().to_vec()
}

/// Describes a register of `bits` bits at an I/O port as generic address structure.
fn io_port(address: u16, bits: u8, access: AccessSize) -> GAS {
    GAS::new(AddressSpace::SystemIo, bits, 0, access, u64::from(address))
}

/// Builds the Fixed ACPI Description Table (section 5.2.9), which refers to the DSDT at address `dsdt`.
fn fadt(dsdt: u64) -> FADT {
    let mut fadt = FADTBuilder::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION)
        .dsdt_64(dsdt)
        .preferred_pm_profile(PmProfile::Desktop)
        .flag(Flags::Wbinvd)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton)
        .flag(Flags::FixRtc)
        .flag(Flags::TmrValExt)
        .flag(Flags::ResetRegSup)
        .flag(Flags::HwReducedAcpi);
    fadt.iapc_boot_arch = IAPC_BOOT_ARCH.into();
    fadt.reset_reg = io_port(layout::RESET_PORT, 8, AccessSize::ByteAccess);
    fadt.reset_value = layout::RESET_VALUE;
    fadt.pm_tmr_blk = u32::from(layout::PM_TIMER_PORT).into();
    fadt.pm_tmr_len = 4;
    fadt.x_pm_tmr_blk = io_port(layout::PM_TIMER_PORT, 32, AccessSize::DwordAccess);
    fadt.sleep_control_reg = io_port(layout::SLEEP_CONTROL_PORT, 8, AccessSize::ByteAccess);
    fadt.sleep_status_reg = io_port(layout::SLEEP_CONTROL_PORT + 1, 8, AccessSize::ByteAccess);
    fadt.finalize()
}

/// Builds the Multiple APIC Description Table (section 5.2.12): one local APIC for each of `cpus` processors,
/// and one IOAPIC.
fn madt(cpus: u8) -> MADT {
    let mut madt =
        MADT::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION, LocalInterruptController::Address(layout::LAPIC));
    for id in 0..cpus {
        madt.add_structure(ProcessorLocalApic::new(id, id, EnabledStatus::Enabled));
    }
    madt.add_structure(IoApic::new(0, layout::IOAPIC, 0));
    madt
}

/// Builds the MCFG table, which describes the ECAM of bus 0 (PCI Firmware Specification).
fn mcfg() -> MCFG {
    let mut mcfg = MCFG::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    mcfg.add_ecam(layout::ECAM, 0, 0, 0);
    mcfg
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = layout::ACPI;

    fn at(image: &[u8], address: u64) -> &[u8] {
        &image[(address - BASE) as usize..]
    }

    fn table(image: &[u8], address: u64) -> &[u8] {
        let rest = at(image, address);
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        &rest[..length]
    }

    fn checksum_valid(bytes: &[u8]) -> bool {
        bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
    }

    fn u64_at(bytes: &[u8], offset: usize) -> u64 {
        u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
    }

    fn find<'a>(image: &'a [u8], signature: &[u8]) -> &'a [u8] {
        let xsdt = table(image, u64_at(image, 24));
        (36..xsdt.len())
            .step_by(8)
            .map(|offset| table(image, u64_at(xsdt, offset)))
            .find(|table| table.starts_with(signature))
            .unwrap()
    }

    #[test]
    fn every_table_is_reachable_from_the_rsdp_with_a_valid_checksum() {
        let image = build_image(BASE, 3);
        assert!(image.starts_with(b"RSD PTR "));
        assert!(checksum_valid(&image[..20]) && checksum_valid(&image[..36]));
        assert!(checksum_valid(table(&image, u64_at(&image, 24))));
        for signature in [b"FACP", b"APIC", b"MCFG"] {
            assert!(checksum_valid(find(&image, signature)), "{signature:?}");
        }
        let dsdt = table(&image, u64_at(find(&image, b"FACP"), 140));
        assert!(dsdt.starts_with(b"DSDT") && checksum_valid(dsdt));
    }

    #[test]
    fn the_fadt_has_the_addresses_of_the_registers() {
        let image = build_image(BASE, 1);
        let fadt = find(&image, b"FACP");
        let port_at = |offset: usize| u64_at(fadt, offset + 4);
        assert_eq!(port_at(116), u64::from(layout::RESET_PORT));
        assert_eq!(fadt[128], layout::RESET_VALUE);
        assert_eq!(port_at(208), u64::from(layout::PM_TIMER_PORT));
        assert_eq!(port_at(244), u64::from(layout::SLEEP_CONTROL_PORT));
        let flags = u32::from_le_bytes(fadt[112..116].try_into().unwrap());
        assert_ne!(flags & 1 << 20, 0, "hardware-reduced");
        assert_ne!(flags & 1 << 10, 0, "reset register");
    }

    #[test]
    fn the_fadt_announces_the_rtc_but_no_other_legacy_device() {
        let image = build_image(BASE, 1);
        let boot_arch = u16::from_le_bytes(find(&image, b"FACP")[109..111].try_into().unwrap());
        assert_eq!(boot_arch & 1 << 5, 0, "CMOS clock");
        assert_eq!(boot_arch & 0b11, 0, "legacy devices, 8042");
    }

    #[test]
    fn the_madt_lists_every_processor() {
        let image = build_image(BASE, 64);
        assert_eq!(find(&image, b"APIC").len(), 44 + 64 * 8 + 12);
        assert!(image.len() as u64 <= layout::ACPI_END - layout::ACPI);
    }
}
