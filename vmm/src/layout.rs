//! Where things lie in the guest's physical address space.
//!
//! ```text
//! 0x0000_0000  RAM: boot tables, the generation's page below 0xA_0000, ACPI at 0xE_0000, the kernel from 1 MiB
//! 0xC000_0000  PCI: BARs to 0xDFFF_FFFF, configuration space (ECAM) of bus 0 at 0xE000_0000
//! 0xFEC0_0000  IOAPIC, local APICs, the pages that KVM keeps for itself on Intel
//! 0x1_0000_0000  RAM again
//! ```

/// Boot-time global descriptor table.
pub const GDT: u64 = 0x500;
/// PVH: `hvm_start_info`, then the module list and the memory map.
pub const PVH_START_INFO: u64 = 0x6000;
/// Linux: `boot_params`, known as the zero page.
pub const ZERO_PAGE: u64 = 0x7000;
/// Boot-time page tables: one PML4, one PDPT, four page directories.
pub const PAGE_TABLES: u64 = 0x9000;
/// The kernel's command line.
pub const CMDLINE: u64 = 0x2_0000;
/// Bytes kept for the command line, its final NUL included.
pub const CMDLINE_SIZE: u64 = 0x1_0000;
/// End of the first piece of RAM that the guest is told of.
pub const LOW_RAM_END: u64 = 0x9_F000;
/// A page of its own for the machine's generation (VMGenID), out of the way of the ISA hole.
pub const VMGENID: u64 = LOW_RAM_END;
/// Where the RSDP lies; the other ACPI tables follow.
pub const ACPI: u64 = 0xE_0000;
/// End of the ACPI tables.
pub const ACPI_END: u64 = 0xF_0000;
/// F000:FFF0 of real mode, where a processor begins after a reset.
pub const RESET_VECTOR: u64 = 0xF_FFF0;
/// One MiB, where kernels begin.
pub const HIGH_RAM: u64 = 0x10_0000;

/// RAM below 4 GiB ends here; from here to 4 GiB lies the hole for PCI and the interrupt controllers.
pub const HOLE: u64 = 0xC000_0000;
/// End of the hole.
pub const HOLE_END: u64 = 0x1_0000_0000;
/// First address handed out to PCI BARs.
pub const BAR_WINDOW: u64 = 0xC000_0000;
/// Bytes for PCI BARs.
pub const BAR_WINDOW_SIZE: u64 = 0x2000_0000;
/// PCI Express enhanced configuration of bus 0.
pub const ECAM: u64 = 0xE000_0000;
/// One bus: 32 devices of 8 functions of 4 KiB.
pub const ECAM_SIZE: u64 = 0x10_0000;
/// KVM's in-kernel IOAPIC.
pub const IOAPIC: u32 = 0xFEC0_0000;
/// The local APICs.
pub const LAPIC: u32 = 0xFEE0_0000;
/// One page that KVM needs on Intel for real mode.
pub const KVM_IDENTITY_MAP: u64 = 0xFFFB_C000;
/// Three pages that KVM needs on Intel for a task state segment.
pub const KVM_TSS: u64 = 0xFFFB_D000;

/// COM1.
pub const SERIAL_PORT: u16 = 0x3F8;
/// COM1's interrupt line.
pub const SERIAL_GSI: u32 = 4;
/// ACPI sleep control (write) and, one above, sleep status (read).
pub const SLEEP_CONTROL_PORT: u16 = 0x600;
/// ACPI reset register.
pub const RESET_PORT: u16 = 0x602;
/// What written to [`RESET_PORT`] resets the machine.
pub const RESET_VALUE: u8 = 1;
/// ACPI power-management timer, 32 bits.
pub const PM_TIMER_PORT: u16 = 0x608;
/// The generic event device's interrupt line for the power button.
pub const POWER_BUTTON_GSI: u32 = 9;
/// Its line for a new generation.
pub const VMGENID_GSI: u32 = 10;
/// The real-time clock's index port; its data port is the next.
pub const RTC_PORT: u16 = 0x70;
/// `SLP_TYP` of soft-off, as `\_S5` says.
pub const S5_SLEEP_TYPE: u8 = 5;
