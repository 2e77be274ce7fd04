//! The ACPI tables (ACPI 6.5) of a hardware-reduced machine: no PIC, no PIT, no PM1 registers;
//! power by the sleep and reset registers, the power button by a generic event device.

mod dsdt;
mod tables;

use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Bytes, GuestAddress};

const OEM_ID: [u8; 6] = *b"ORIEL ";
const OEM_TABLE_ID: [u8; 8] = *b"ORIELVMM";
const OEM_REVISION: u32 = 1;

/// The tables of a machine are larger than the room kept for them.
#[derive(Debug, thiserror::Error)]
#[error("the ACPI tables do not fit into their room")]
pub struct AcpiError;

/// Writes all tables for a machine with `cpus` processors and returns the address of the RSDP.
///
/// # Errors
/// When they do not fit.
pub fn write_tables(ram: &GuestRam, cpus: u8) -> Result<u64, AcpiError> {
    let image = tables::build_image(layout::ACPI, cpus);
    if layout::ACPI + image.len() as u64 > layout::ACPI_END {
        return Err(AcpiError);
    }
    ram.write_slice(&image, GuestAddress(layout::ACPI)).map_err(|_| AcpiError)?;
    Ok(layout::ACPI)
}
