//! Interface of a PCI function to its bus.

use std::ops::Range;

/// PCI function, called from any vCPU thread. A function has at most one BAR, in memory space.
pub trait PciFunction: Send + Sync {
    /// Reads configuration space from byte `offset` (0 to 4095) into `data`.
    fn read_config(&self, offset: u64, data: &mut [u8]);
    /// Writes `data` to configuration space from byte `offset` (0 to 4095); read-only bits stay as they are.
    fn write_config(&self, offset: u64, data: &[u8]);
    /// Returns the guest physical addresses that the BAR decodes; `None` while memory decoding is off or
    /// where the function has no BAR.
    fn bar(&self) -> Option<Range<u64>>;
    /// Reads from byte `offset` of the BAR into `data`.
    fn read_bar(&self, offset: u64, data: &mut [u8]);
    /// Writes `data` from byte `offset` of the BAR.
    fn write_bar(&self, offset: u64, data: &[u8]);
    /// Restores the state at power-on; no vCPU runs meanwhile.
    fn reset(&self);
}
