//! Real-mode code at the reset vector F000:FFF0, which resets the machine.
//!
//! There is no firmware, but Linux with hardware-reduced ACPI and without EFI restarts by the BIOS method: it
//! switches to real mode and jumps to F000:FFF0.

use super::{BootError, too_small};
use crate::layout;
use oriel_virtio::GuestRam;
use vm_memory::{Bytes, GuestAddress};

/// Machine code: `mov dx, RESET_PORT; mov al, RESET_VALUE; out dx, al; hlt; jmp` back to the `hlt`.
const CODE: [u8; 9] = {
    let [port_low, port_high] = layout::RESET_PORT.to_le_bytes();
    [0xBA, port_low, port_high, 0xB0, layout::RESET_VALUE, 0xEE, 0xF4, 0xEB, 0xFD]
};

/// Writes to [`layout::RESET_VECTOR`] the real-mode code that resets the machine.
///
/// # Errors
/// [`BootError::DoesNotFit`] when guest memory does not reach to that address.
pub fn write(ram: &GuestRam) -> Result<(), BootError> {
    ram.write_slice(&CODE, GuestAddress(layout::RESET_VECTOR)).map_err(|_| too_small(layout::HIGH_RAM))
}
