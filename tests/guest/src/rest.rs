//! Time, and doing nothing until something happens.

use crate::apic::Apic;
use crate::clock::Clock;

/// A shorter rest than this is not worth setting the timer.
const SHORTEST_US: u64 = 20;

/// The clock, and a way to sleep if every device can interrupt.
pub struct Rest {
    clock: Clock,
    apic: Option<Apic>,
}

impl Rest {
    /// Without an APIC, rest is a loop of PAUSE.
    pub fn new(clock: Clock, apic: Option<Apic>) -> Self {
        Self { clock, apic }
    }

    /// Microseconds since start.
    pub fn now(&self) -> u64 {
        self.clock.micros()
    }

    /// Whether the processor sleeps.
    pub fn sleeps(&self) -> bool {
        self.apic.is_some()
    }

    /// Rests until `deadline` at the latest, or a device interrupts. Comes back
    /// early without a reason too: call it in a loop that looks for work.
    pub fn until(&self, deadline: u64) {
        match &self.apic {
            Some(apic) => {
                let now = self.now();
                if deadline > now + SHORTEST_US {
                    apic.sleep(deadline - now);
                }
            }
            None => core::hint::spin_loop(),
        }
    }
}
