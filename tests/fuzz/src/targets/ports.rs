//! Port and memory accesses of a guest: PCI configuration by ports and by ECAM, BARs with the virtio
//! transport and MSI-X behind them, and every legacy device.

use crate::machine::Machine;

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    Machine::with(|machine| machine.perform(script));
}
