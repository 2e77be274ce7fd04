//! Address dispatch of guest accesses to I/O ports and memory-mapped registers.
//!
//! A processor thread passes each I/O exit to a [`Bus`], which calls the [`Registers`] at the address. There
//! is one bus for the ports and one for memory. RAM is not on a bus: KVM maps it into the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Block of registers that a guest reads and writes. Its methods are called on any vCPU thread.
pub trait Registers: Send + Sync {
    /// Reads `data.len()` bytes of registers from `offset` on, in bytes from the block's start. Bytes that
    /// the block leaves unchanged read as all ones.
    fn read(&self, offset: u64, data: &mut [u8]);
    /// Writes `data` to the registers from `offset` on, in bytes from the block's start.
    fn write(&self, offset: u64, data: &[u8]);
}

/// Address range of one block of registers.
struct Range {
    start: u64,
    size: u64,
    registers: Arc<dyn Registers>,
}

/// Address space of register blocks. Accesses to other addresses are counted; reads return all ones, and
/// writes are ignored.
#[derive(Default)]
pub struct Bus {
    ranges: Vec<Range>,
    unclaimed: AtomicU64,
}

impl Bus {
    /// Adds `registers` as the block of `size` bytes at the address `start`. Blocks must not overlap.
    pub fn insert(&mut self, start: u64, size: u64, registers: Arc<dyn Registers>) {
        self.ranges.push(Range { start, size, registers });
    }

    /// Performs a guest's read of `data.len()` bytes at `address`.
    pub fn read(&self, address: u64, data: &mut [u8]) {
        data.fill(0xFF);
        match self.find(address) {
            Some((registers, offset)) => registers.read(offset, data),
            None => self.count_unclaimed(address),
        }
    }

    /// Performs a guest's write of `data` at `address`.
    pub fn write(&self, address: u64, data: &[u8]) {
        match self.find(address) {
            Some((registers, offset)) => registers.write(offset, data),
            None => self.count_unclaimed(address),
        }
    }

    /// Returns the number of accesses to addresses outside all blocks.
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed.load(Ordering::Relaxed)
    }

    /// Finds the block at `address`, and the offset of `address` in the block.
    fn find(&self, address: u64) -> Option<(&dyn Registers, u64)> {
        self.ranges.iter().find_map(|range| {
            let offset = address.checked_sub(range.start)?;
            (offset < range.size).then_some((&*range.registers, offset))
        })
    }

    fn count_unclaimed(&self, address: u64) {
        self.unclaimed.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(address, "unclaimed access");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Latch(Mutex<Vec<(u64, Vec<u8>)>>);

    impl Registers for Latch {
        fn read(&self, offset: u64, data: &mut [u8]) {
            data.fill(offset as u8);
        }
        fn write(&self, offset: u64, data: &[u8]) {
            self.0.lock().push((offset, data.to_vec()));
        }
    }

    #[test]
    fn accesses_reach_their_range_and_strays_are_counted() {
        let latch = Arc::new(Latch::default());
        let mut bus = Bus::default();
        bus.insert(0x100, 0x10, latch.clone());
        let mut data = [0; 2];
        bus.read(0x10F, &mut data);
        assert_eq!(data, [0xF, 0xF]);
        bus.write(0x104, &[7]);
        assert_eq!(*latch.0.lock(), [(4, vec![7])]);
        bus.read(0x110, &mut data);
        assert_eq!(data, [0xFF, 0xFF]);
        bus.write(0xFF, &[1]);
        assert_eq!(bus.unclaimed(), 2);
    }
}
