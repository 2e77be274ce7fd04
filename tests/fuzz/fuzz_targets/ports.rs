#![no_main]
//! Port and memory accesses of a guest: PCI configuration by ports and by ECAM, BARs with the virtio
//! transport behind them, and every legacy device.

use libfuzzer_sys::fuzz_target;
use oriel_fuzz::machine::Machine;

fuzz_target!(|script: &[u8]| {
    Machine::with(|machine| machine.perform(script));
});
