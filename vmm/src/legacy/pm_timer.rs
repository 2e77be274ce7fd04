//! ACPI power-management timer (ACPI 6.5, section 4.8.2.1): a 32-bit counter at 3.579545 MHz, without an
//! interrupt. Guests use it as a clock source and to calibrate other timers.

use crate::bus::Registers;
use std::time::{Duration, Instant};

const FREQUENCY_HZ: u128 = 3_579_545;
const NANOSECONDS: u128 = 1_000_000_000;

/// Power-management timer, which contains the instant of its value zero. A machine reset does not affect it.
pub struct PmTimer(Instant);

impl Default for PmTimer {
    /// Creates a timer that counts from zero.
    fn default() -> Self {
        Self(Instant::now())
    }
}

/// Returns the counter value `elapsed` after the timer's start.
fn ticks(elapsed: Duration) -> u32 {
    // Truncation is the wraparound of the 32-bit counter.
    (elapsed.as_nanos() * FREQUENCY_HZ / NANOSECONDS) as u32
}

impl Registers for PmTimer {
    fn read(&self, offset: u64, data: &mut [u8]) {
        let value = ticks(self.0.elapsed()).to_le_bytes();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        for (to, from) in data.iter_mut().zip(value.iter().skip(start)) {
            *to = *from;
        }
    }

    fn write(&self, _offset: u64, _data: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_runs_at_its_frequency_and_wraps_at_32_bits() {
        assert_eq!(ticks(Duration::from_secs(1)), 3_579_545);
        let wrap = Duration::from_nanos((((1u128 << 32) * NANOSECONDS) / FREQUENCY_HZ) as u64 + 1);
        assert_eq!(ticks(wrap), 0);
    }
}
