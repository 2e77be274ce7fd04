//! How often processors leave the guest, and why: what an idle guest costs.

use super::statistics::Statistics;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a processor came out to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// An access to a port.
    Port,
    /// An access to memory that is a device's.
    Memory,
    /// Somebody called it out, or a signal came.
    Called,
}

/// One processor's; on a cache line of its own, since each is counted on another thread.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Processor {
    port: AtomicU64,
    memory: AtomicU64,
    called: AtomicU64,
}

/// The exits of all processors of a machine.
#[derive(Default)]
pub struct Exits {
    processors: Vec<Processor>,
    kernel: Mutex<Vec<Statistics>>,
}

/// Those of KVM's figures that are told, by their names there and here.
const KERNEL_FIGURES: [(&str, &str); 3] =
    [("exits", "exits"), ("halt_exits", "exits_halt"), ("irq_injections", "interrupts_injected")];

impl Exits {
    /// None yet, of `cpus` processors.
    pub fn new(cpus: u8) -> Self {
        let processors = (0..cpus).map(|_| Processor::default()).collect();
        Self { processors, kernel: Mutex::default() }
    }

    /// Processor `id` came out.
    pub fn count(&self, id: u32, exit: Exit) {
        let processor = usize::try_from(id).ok().and_then(|id| self.processors.get(id));
        let Some(processor) = processor else { return };
        let counter = match exit {
            Exit::Port => &processor.port,
            Exit::Memory => &processor.memory,
            Exit::Called => &processor.called,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The kernel's own figures of the processors are from now on in `statistics`; where a host has
    /// none, they are empty. They hold on to the virtual machine in the kernel.
    pub fn set_kernel(&self, statistics: Vec<Statistics>) {
        *self.kernel.lock() = statistics;
    }

    /// Sums over all processors, by name: `exits_port`, `exits_memory` and `exits_called` came as
    /// far as this process, since it started; `exits` and `exits_halt` are all of them, and
    /// `interrupts_injected` what went in, since the last reset.
    pub fn figures(&self) -> BTreeMap<String, u64> {
        let sum = |of: fn(&Processor) -> &AtomicU64| {
            self.processors.iter().map(|processor| of(processor).load(Ordering::Relaxed)).sum::<u64>()
        };
        let mut figures = BTreeMap::from([
            ("exits_port".to_owned(), sum(|processor| &processor.port)),
            ("exits_memory".to_owned(), sum(|processor| &processor.memory)),
            ("exits_called".to_owned(), sum(|processor| &processor.called)),
        ]);
        for processor in self.kernel.lock().iter() {
            for (theirs, ours) in KERNEL_FIGURES {
                if let Some(value) = processor.read(theirs) {
                    *figures.entry(ours.to_owned()).or_default() += value;
                }
            }
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_summed_over_the_processors() {
        let exits = Exits::new(2);
        for (id, exit) in
            [(0, Exit::Port), (1, Exit::Port), (1, Exit::Memory), (0, Exit::Called), (9, Exit::Port)]
        {
            exits.count(id, exit);
        }
        let figures = exits.figures();
        assert_eq!(figures["exits_port"], 2, "a processor that is not there does not count");
        assert_eq!((figures["exits_memory"], figures["exits_called"]), (1, 1));
        assert!(!figures.contains_key("exits"), "unknown is not zero");
    }
}
