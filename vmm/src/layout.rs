//! Layout of the guest's physical address space, I/O ports and interrupt lines.
//!
//! ```text
//! 0x0000_0000  RAM: boot tables, generation ID below 0xA_0000, ACPI tables at 0xE_0000, kernel from 1 MiB
//! 0xC000_0000  PCI: BARs to 0xDFFF_FFFF, configuration space (ECAM) of bus 0 at 0xE000_0000
//! 0xFEC0_0000  IOAPIC, local APICs, pages that KVM on Intel reserves
//! 0x1_0000_0000  RAM that the hole below 4 GiB displaces
//! ```

/// Address of the global descriptor table of the 64-bit boot protocol, 4 entries of 8 bytes.
pub const GDT: u64 = 0x500;
/// Address of the PVH structure `hvm_start_info`, which the module list and the memory map follow.
pub const PVH_START_INFO: u64 = 0x6000;
/// Address of Linux' structure `boot_params`, also called the zero page.
pub const ZERO_PAGE: u64 = 0x7000;
/// Address of the page tables of the 64-bit boot protocol: one PML4, one PDPT, four page directories.
pub const PAGE_TABLES: u64 = 0x9000;
/// Address of the kernel's command line.
pub const CMDLINE: u64 = 0x2_0000;
/// Size in bytes of the area of the command line, including the terminating NUL.
pub const CMDLINE_SIZE: u64 = 0x1_0000;
/// End of the first usable RAM range in the guest's memory map.
pub const LOW_RAM_END: u64 = 0x9_F000;
/// Address of the page with the generation ID (VMGenID): reserved memory below the ISA hole.
pub const VMGENID: u64 = LOW_RAM_END;
/// Address of the ACPI RSDP, which the other ACPI tables follow.
pub const ACPI: u64 = 0xE_0000;
/// End of the area of the ACPI tables.
pub const ACPI_END: u64 = 0xF_0000;
/// Address F000:FFF0 of real mode, to which real-mode code jumps to restart a PC.
pub const RESET_VECTOR: u64 = 0xF_FFF0;
/// Address 1 MiB: start of the second usable RAM range, and the lowest address of a kernel.
pub const HIGH_RAM: u64 = 0x10_0000;

/// Start of the hole below 4 GiB, which holds PCI and the interrupt controllers instead of RAM.
pub const HOLE: u64 = 0xC000_0000;
/// End of the hole below 4 GiB, where RAM continues.
pub const HOLE_END: u64 = 0x1_0000_0000;
/// Start of the window of the PCI BARs.
pub const BAR_WINDOW: u64 = 0xC000_0000;
/// Size in bytes of the window of the PCI BARs.
pub const BAR_WINDOW_SIZE: u64 = 0x2000_0000;
/// Address of the PCI Express enhanced configuration space (ECAM) of bus 0.
pub const ECAM: u64 = 0xE000_0000;
/// Size in bytes of the ECAM of one bus: 32 devices with 8 functions of 4 KiB each.
pub const ECAM_SIZE: u64 = 0x10_0000;
/// Address of KVM's in-kernel IOAPIC.
pub const IOAPIC: u32 = 0xFEC0_0000;
/// Address of the processors' local APICs.
pub const LAPIC: u32 = 0xFEE0_0000;
/// Address of the page that KVM on Intel uses for real mode (`KVM_SET_IDENTITY_MAP_ADDR`).
pub const KVM_IDENTITY_MAP: u64 = 0xFFFB_C000;
/// Address of the three pages that KVM on Intel uses for a task state segment (`KVM_SET_TSS_ADDR`).
pub const KVM_TSS: u64 = 0xFFFB_D000;

/// First I/O port of the serial port COM1.
pub const SERIAL_PORT: u16 = 0x3F8;
/// Interrupt line of COM1 at the IOAPIC.
pub const SERIAL_GSI: u32 = 4;
/// I/O port of the ACPI sleep control register; the sleep status register is the next port.
pub const SLEEP_CONTROL_PORT: u16 = 0x600;
/// I/O port of the ACPI reset register.
pub const RESET_PORT: u16 = 0x602;
/// Value that resets the machine when the guest writes it to [`RESET_PORT`].
pub const RESET_VALUE: u8 = 1;
/// First I/O port of the ACPI power-management timer, which has 32 bits.
pub const PM_TIMER_PORT: u16 = 0x608;
/// Interrupt line of the ACPI generic event device for the power button.
pub const POWER_BUTTON_GSI: u32 = 9;
/// Interrupt line of the ACPI generic event device for a changed generation ID.
pub const VMGENID_GSI: u32 = 10;
/// I/O port of the real-time clock's index register; its data register is the next port.
pub const RTC_PORT: u16 = 0x70;
/// `SLP_TYP` value of soft-off, which the ACPI object `\_S5` holds.
pub const S5_SLEEP_TYPE: u8 = 5;
