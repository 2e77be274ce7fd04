//! Address dispatch for port and memory-mapped I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Registers that a guest reads and writes; called from any vCPU thread.
pub trait Registers: Send + Sync {
    /// Fills `data` from `offset` into the range; what is not filled reads as all ones.
    fn read(&self, offset: u64, data: &mut [u8]);
    /// Takes `data` at `offset` into the range.
    fn write(&self, offset: u64, data: &[u8]);
}

struct Range {
    start: u64,
    size: u64,
    registers: Arc<dyn Registers>,
}

/// One address space. Accesses that nobody claims read as all ones, are ignored when written, and counted.
#[derive(Default)]
pub struct Bus {
    ranges: Vec<Range>,
    unclaimed: AtomicU64,
}

impl Bus {
    /// Puts `registers` at `start`. Ranges are the machine's own and never overlap.
    pub fn insert(&mut self, start: u64, size: u64, registers: Arc<dyn Registers>) {
        self.ranges.push(Range { start, size, registers });
    }

    /// A guest's read.
    pub fn read(&self, address: u64, data: &mut [u8]) {
        data.fill(0xFF);
        match self.find(address) {
            Some((registers, offset)) => registers.read(offset, data),
            None => self.count_unclaimed(address),
        }
    }

    /// A guest's write.
    pub fn write(&self, address: u64, data: &[u8]) {
        match self.find(address) {
            Some((registers, offset)) => registers.write(offset, data),
            None => self.count_unclaimed(address),
        }
    }

    /// How many accesses nobody claimed.
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed.load(Ordering::Relaxed)
    }

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
