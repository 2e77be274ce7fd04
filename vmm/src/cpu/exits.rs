//! Counters of virtual processors' exits from the guest, by reason.
//!
//! Processor threads count the exits that reach this process; the kernel counts all exits and interrupts
//! ([`Statistics`]). Their sums are among the machine's counters, and show the cost of an idle guest.

use super::statistics::Statistics;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reason of an exit from the guest to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Access to an I/O port.
    Port,
    /// Access to a memory-mapped register.
    Memory,
    /// Signal to the processor's thread, mostly a kick by the state driver.
    Called,
}

/// Counters of one virtual processor, aligned to a cache line because each thread writes its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Processor {
    port: AtomicU64,
    memory: AtomicU64,
    called: AtomicU64,
}

/// Exit counters of all virtual processors of a machine.
#[derive(Default)]
pub struct Exits {
    processors: Vec<Processor>,
    kernel: Mutex<Vec<Statistics>>,
}

/// Kernel statistics that are reported: KVM's name and the counter's name.
const KERNEL_FIGURES: [(&str, &str); 3] =
    [("exits", "exits"), ("halt_exits", "exits_halt"), ("irq_injections", "interrupts_injected")];

impl Exits {
    /// Creates counters at zero for `cpus` virtual processors.
    pub fn new(cpus: u8) -> Self {
        let processors = (0..cpus).map(|_| Processor::default()).collect();
        Self { processors, kernel: Mutex::default() }
    }

    /// Counts an exit of the virtual processor with the number `id`. A number out of range is ignored.
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

    /// Sets the kernel's statistics of the current virtual processors; the list is empty on a host without
    /// them. The statistics keep the VM in the kernel alive, so they must be replaced when the VM is dropped.
    pub fn set_kernel(&self, statistics: Vec<Statistics>) {
        *self.kernel.lock() = statistics;
    }

    /// Returns the sums over all virtual processors by name.
    ///
    /// `exits_port`, `exits_memory` and `exits_called` count exits to this process since its start. `exits`,
    /// `exits_halt` and `interrupts_injected` are the kernel's counts of all exits, of halts and of
    /// interrupts since the last reset; they are absent on a host without these statistics.
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
            for (kernel_name, name) in KERNEL_FIGURES {
                if let Some(value) = processor.read(kernel_name) {
                    *figures.entry(name.to_owned()).or_default() += value;
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
