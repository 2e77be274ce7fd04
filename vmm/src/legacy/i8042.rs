//! Command port of an i8042 keyboard controller, reduced to the command that resets the processors. Linux
//! uses the command as one of its reboot methods.

use crate::bus::Registers;
use crate::guest_events::{GuestEvent, GuestEvents};
use std::sync::Arc;

/// i8042 command and status register, which reports [`GuestEvent::Reset`] to the contained events.
pub struct I8042Device(pub Arc<GuestEvents>);

impl I8042Device {
    /// I/O port of the command and status register.
    pub const PORT: u16 = 0x64;
}

/// Command that pulses the processors' reset line (output port bit 0).
const CMD_RESET_CPU: u8 = 0xFE;

impl Registers for I8042Device {
    /// Reads the status as zero: input and output buffer are empty, so that drivers do not wait before a
    /// command.
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, _offset: u64, data: &[u8]) {
        if data.first() == Some(&CMD_RESET_CPU) {
            self.0.report(GuestEvent::Reset);
        }
    }
}
