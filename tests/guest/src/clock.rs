//! Time by the time-stamp counter.

use core::arch::x86_64::_rdtsc;

use crate::port;

const PM_TIMER_HZ: u64 = 3_579_545;
const PM_TIMER_MASK: u32 = 0x00ff_ffff;
const PIT_HZ: u64 = 1_193_182;
const PIT_CHANNEL_2: u16 = 0x42;
const PIT_COMMAND: u16 = 0x43;
const PIT_GATE: u16 = 0x61;
/// Channel 2, low byte then high byte, mode 0 (count down once).
const PIT_COUNT_DOWN: u8 = 0b1011_0000;
const PIT_OUTPUT: u8 = 1 << 5;

/// How many times a timer that does not move is read before it is given up.
const PATIENCE: u32 = 10_000;

/// A clock that counts from its creation.
pub struct Clock {
    start: u64,
    khz: u64,
}

fn tsc() -> u64 {
    // SAFETY: CR4.TSD is clear, so RDTSC is allowed at CPL3.
    unsafe { _rdtsc() }
}

impl Clock {
    /// A clock whose time-stamp counter runs at `khz`.
    pub fn new(khz: u64) -> Self {
        Self { start: tsc(), khz }
    }

    /// Microseconds since the clock was made.
    pub fn micros(&self) -> u64 {
        let ticks = u128::from(tsc().wrapping_sub(self.start));
        (ticks * 1000 / u128::from(self.khz)) as u64
    }
}

/// Measures the time-stamp counter against the power-management timer.
pub fn calibrate_by_pm_timer(port: u16) -> Option<u64> {
    const WINDOW: u32 = (PM_TIMER_HZ / 50) as u32;
    let read = || port::read_u32(port) & PM_TIMER_MASK;
    let (first, start) = (read(), tsc());
    let mut still = 0;
    loop {
        let (now, end) = (read(), tsc());
        let ticks = now.wrapping_sub(first) & PM_TIMER_MASK;
        if ticks >= WINDOW {
            return nonzero((end - start) * PM_TIMER_HZ / u64::from(ticks) / 1000);
        }
        if ticks == 0 {
            still += 1;
            if still > PATIENCE {
                return None;
            }
        }
    }
}

/// Measures the time-stamp counter against channel 2 of the interval timer.
pub fn calibrate_by_pit() -> Option<u64> {
    const COUNT: u64 = PIT_HZ / 50;
    let gate = port::read_u8(PIT_GATE);
    port::write_u8(PIT_GATE, (gate & !0b10) | 0b01);
    port::write_u8(PIT_COMMAND, PIT_COUNT_DOWN);
    port::write_u8(PIT_CHANNEL_2, COUNT as u8);
    port::write_u8(PIT_CHANNEL_2, (COUNT >> 8) as u8);
    let start = tsc();
    for reads in 0..1_000_000 {
        if port::read_u8(PIT_GATE) & PIT_OUTPUT != 0 {
            // A port that nobody decodes reads as all ones at once.
            return if reads == 0 { None } else { nonzero((tsc() - start) * PIT_HZ / COUNT / 1000) };
        }
    }
    None
}

fn nonzero(khz: u64) -> Option<u64> {
    (khz > 0).then_some(khz)
}
