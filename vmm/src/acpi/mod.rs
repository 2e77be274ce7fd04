//! ACPI tables of a KVM machine (ACPI 6.5), hardware-reduced: no PIC, PIT or PM1 registers.
//!
//! The guest powers off and resets through the registers of [`crate::legacy::PowerRegisters`]; the power
//! button and VMGenID notify through a generic event device. The tables are written to guest memory before
//! each start.

mod dsdt;
mod tables;

use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Bytes, GuestAddress};

// Identification fields in the header of every table.
const OEM_ID: [u8; 6] = *b"ORIEL ";
const OEM_TABLE_ID: [u8; 8] = *b"ORIELVMM";
const OEM_REVISION: u32 = 1;

/// Error of tables that are larger than the memory reserved for them, or outside of the guest's memory.
#[derive(Debug, thiserror::Error)]
#[error("the ACPI tables do not fit into the memory reserved for them; give the machine fewer processors")]
pub struct AcpiError;

/// Writes the tables of a machine with `cpus` processors to `ram`, at [`layout::ACPI`], and returns the guest
/// physical address of the RSDP.
///
/// # Errors
/// When the tables are larger than the memory up to [`layout::ACPI_END`], or `ram` does not contain it.
pub fn write_tables(ram: &GuestRam, cpus: u8) -> Result<u64, AcpiError> {
    let image = tables::build_image(layout::ACPI, cpus);
    if layout::ACPI + image.len() as u64 > layout::ACPI_END {
        return Err(AcpiError);
    }
    ram.write_slice(&image, GuestAddress(layout::ACPI)).map_err(|_| AcpiError)?;
    Ok(layout::ACPI)
}
