//! The local APIC: a timer to sleep by, and the address that devices interrupt.

use crate::boot;
use crate::clock::Clock;
use crate::port;

const BASE: usize = 0xfee0_0000;
const ID: usize = 0x020;
const SPURIOUS: usize = 0x0f0;
const SPURIOUS_ENABLE: u32 = 1 << 8;
const LVT_TIMER: usize = 0x320;
const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const LVT_MASKED: u32 = 1 << 16;
const TIMER_INITIAL: usize = 0x380;
const TIMER_CURRENT: usize = 0x390;
const TIMER_DIVIDE: usize = 0x3e0;
const DIVIDE_BY_1: u32 = 0b1011;

const PIC_MASKS: [u16; 2] = [0x21, 0xa1];
const CALIBRATION_US: u64 = 5_000;

/// Where and what a device writes to interrupt this processor.
#[derive(Clone, Copy)]
pub struct Message {
    /// Guest-physical address.
    pub address: u64,
    /// The value.
    pub data: u32,
    /// The value for a change of the device's configuration.
    pub config_data: u32,
}

/// This processor's local APIC, enabled.
pub struct Apic {
    /// Timer ticks in a millisecond.
    khz: u64,
}

fn read(register: usize) -> u32 {
    // SAFETY: the registers are mapped and belong to this program alone.
    unsafe { core::ptr::with_exposed_provenance::<u32>(BASE + register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for `read`; no register refers to memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(BASE + register).write_volatile(value) };
}

impl Apic {
    /// Enables the APIC with every other source of interrupts masked. None when its
    /// timer does not run.
    pub fn new(clock: &Clock) -> Option<Self> {
        PIC_MASKS.into_iter().for_each(|mask| port::write_u8(mask, 0xff));
        write(LVT_LINT0, LVT_MASKED);
        write(LVT_LINT1, LVT_MASKED);
        write(SPURIOUS, SPURIOUS_ENABLE | u32::from(boot::SPURIOUS_VECTOR));

        write(LVT_TIMER, LVT_MASKED);
        write(TIMER_DIVIDE, DIVIDE_BY_1);
        write(TIMER_INITIAL, u32::MAX);
        let start = clock.micros();
        while clock.micros() - start < CALIBRATION_US {
            core::hint::spin_loop();
        }
        let (ticks, elapsed) = (u32::MAX - read(TIMER_CURRENT), clock.micros() - start);
        write(TIMER_INITIAL, 0);
        write(LVT_TIMER, u32::from(boot::WAKE_VECTOR));
        let khz = u64::from(ticks) * 1000 / elapsed;
        (khz > 0).then_some(Self { khz })
    }

    /// What a device is to write to end a sleep.
    pub fn message(&self) -> Message {
        let destination = u64::from(read(ID) >> 24) << 12;
        Message {
            address: BASE as u64 | destination,
            data: u32::from(boot::WAKE_VECTOR),
            config_data: u32::from(boot::CONFIG_VECTOR),
        }
    }

    /// Sleeps until a device interrupts, or for `micros` microseconds.
    pub fn sleep(&self, micros: u64) {
        let ticks = micros.saturating_mul(self.khz) / 1000;
        write(TIMER_INITIAL, ticks.clamp(1, u64::from(u32::MAX)) as u32);
        boot::wait_for_interrupt();
        write(TIMER_INITIAL, 0);
    }
}
