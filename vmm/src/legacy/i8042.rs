//! The command port of an 8042: nothing of it is left but the line that resets processors.

use crate::bus::Registers;
use crate::guest_events::{GuestEvent, GuestEvents};
use std::sync::Arc;

/// Port 0x64.
pub struct I8042Device(pub Arc<GuestEvents>);

impl I8042Device {
    /// Its command and status port.
    pub const PORT: u16 = 0x64;
}

const CMD_RESET_CPU: u8 = 0xFE;

impl Registers for I8042Device {
    /// Both buffers are empty, so that whoever waits to write a command may.
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, _offset: u64, data: &[u8]) {
        if data.first() == Some(&CMD_RESET_CPU) {
            self.0.report(GuestEvent::Reset);
        }
    }
}
