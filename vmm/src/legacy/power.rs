//! The registers by which an ACPI guest switches itself off and resets itself
//! (ACPI 6.5, sections 4.8.3.6 and 4.8.3.7).

use crate::bus::Registers;
use crate::guest_events::{GuestEvent, GuestEvents};
use crate::layout;
use std::sync::Arc;

/// Sleep control, sleep status and reset, from [`layout::SLEEP_CONTROL_PORT`] on.
pub struct PowerRegisters(pub Arc<GuestEvents>);

impl PowerRegisters {
    /// Ports taken.
    pub const PORTS: u64 = 4;
}

const SLEEP_CONTROL_OFFSET: u64 = 0;
const RESET_OFFSET: u64 = (layout::RESET_PORT - layout::SLEEP_CONTROL_PORT) as u64;
const SLP_EN: u8 = 1 << 5;
const SLP_TYP_SHIFT: u8 = 2;

impl Registers for PowerRegisters {
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, offset: u64, data: &[u8]) {
        let soft_off = SLP_EN | layout::S5_SLEEP_TYPE << SLP_TYP_SHIFT;
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
    fn only_soft_off_and_the_reset_value_do_anything() {
        assert_eq!(first_event(&[(0, 0x34)]), Some(GuestEvent::PowerOff));
        assert_eq!(first_event(&[(2, 1)]), Some(GuestEvent::Reset));
        assert_eq!(first_event(&[(0, 0x14), (0, 0x20), (0, 0x30), (1, 0x34), (2, 0), (2, 2), (3, 1)]), None);
        assert_eq!(first_event(&[(2, 1), (0, 0x34)]), Some(GuestEvent::Reset), "the first one counts");
    }
}
