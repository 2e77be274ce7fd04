//! ACPI sleep control, sleep status and reset registers of a hardware-reduced machine (ACPI 6.5, sections
//! 4.8.3.6 and 4.8.3.7). Soft-off (S5) is the only sleep state.

use crate::bus::Registers;
use crate::guest_events::{GuestEvent, GuestEvents};
use crate::layout;
use std::sync::Arc;

/// Sleep control, sleep status and reset registers from [`layout::SLEEP_CONTROL_PORT`] on, which report
/// [`GuestEvent::PowerOff`] and [`GuestEvent::Reset`] to the contained events. All read as zero.
pub struct PowerRegisters(pub Arc<GuestEvents>);

impl PowerRegisters {
    /// Number of I/O ports of the registers.
    pub const PORTS: u64 = 4;
}

const SLEEP_CONTROL_OFFSET: u64 = 0;
const RESET_OFFSET: u64 = (layout::RESET_PORT - layout::SLEEP_CONTROL_PORT) as u64;
/// SLP_EN of the sleep control register: enters the state of SLP_TYP.
const SLP_EN: u8 = 1 << 5;
/// Lowest bit of the 3-bit field SLP_TYP.
const SLP_TYP_SHIFT: u8 = 2;

impl Registers for PowerRegisters {
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, offset: u64, data: &[u8]) {
        let soft_off = SLP_EN | layout::S5_SLEEP_TYPE << SLP_TYP_SHIFT;
        // 0x3C: SLP_TYP and SLP_EN; the other bits are reserved.
        match (offset, data.first()) {
            (SLEEP_CONTROL_OFFSET, Some(value)) if value & 0x3C == soft_off => {
                self.0.report(GuestEvent::PowerOff);
            }
            (RESET_OFFSET, Some(&layout::RESET_VALUE)) => self.0.report(GuestEvent::Reset),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_event(writes: &[(u64, u8)]) -> Option<GuestEvent> {
        let guest_events = Arc::new(GuestEvents::new(|| ()));
        let registers = PowerRegisters(guest_events.clone());
        writes.iter().for_each(|(offset, value)| registers.write(*offset, &[*value]));
        guest_events.first()
    }

    #[test]
    fn only_soft_off_and_the_reset_value_have_an_effect() {
        assert_eq!(first_event(&[(0, 0x34)]), Some(GuestEvent::PowerOff));
        assert_eq!(first_event(&[(2, 1)]), Some(GuestEvent::Reset));
        assert_eq!(first_event(&[(0, 0x14), (0, 0x20), (0, 0x30), (1, 0x34), (2, 0), (2, 2), (3, 1)]), None);
        assert_eq!(first_event(&[(2, 1), (0, 0x34)]), Some(GuestEvent::Reset), "later events are dropped");
    }
}
