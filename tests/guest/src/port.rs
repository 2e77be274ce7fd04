//! Port input and output, allowed at CPL3 by the I/O permission map.

use core::arch::asm;

/// Reads a byte from a port.
pub fn read_u8(port: u16) -> u8 {
    let value: u8;
    // SAFETY: every port is allowed, and port input does not touch memory.
    unsafe { asm!("in al, dx", out("al") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
    value
}

/// Writes a byte to a port.
pub fn write_u8(port: u16, value: u8) {
    // SAFETY: every port is allowed, and no port written by this program lets a device write
    // to memory that Rust owns.
    unsafe { asm!("out dx, al", in("al") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
}

/// Reads a double word from a port.
pub fn read_u32(port: u16) -> u32 {
    let value: u32;
    // SAFETY: as for `read_u8`.
    unsafe { asm!("in eax, dx", out("eax") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
    value
}

/// Writes a double word to a port.
pub fn write_u32(port: u16, value: u32) {
    // SAFETY: as for `write_u8`; bus mastering is enabled only for devices whose
    // queues this program owns.
    unsafe { asm!("out dx, eax", in("eax") value, in("dx") port, options(nomem, nostack, preserves_flags)) };
}
