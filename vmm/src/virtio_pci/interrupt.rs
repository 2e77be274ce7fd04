//! How a device's attention reaches a processor: ISR bits, vectors, MSI-X.

use crate::interrupts::InterruptManager;
use crate::pci::{MsiMessage, Msix};
use oriel_virtio::Interrupt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

/// No vector is assigned.
pub const VIRTIO_MSI_NO_VECTOR: u16 = 0xFFFF;
const ISR_QUEUE_INTERRUPT: u8 = 1;
const ISR_CONFIG_CHANGE: u8 = 2;

/// One function's interrupts. Lock order: the device may be locked by the caller; the MSI-X table
/// is locked inside, and nothing after it.
pub struct VirtioInterrupt {
    interrupts: Arc<dyn InterruptManager>,
    msix: Mutex<Msix>,
    isr: AtomicU8,
    config_generation: AtomicU8,
    config_vector: AtomicU16,
    queue_vectors: Vec<AtomicU16>,
}

impl VirtioInterrupt {
    /// For a function with `queues` queues and `vectors` vectors.
    pub fn new(interrupts: Arc<dyn InterruptManager>, queues: u16, vectors: u16) -> Self {
        Self {
            interrupts,
            msix: Mutex::new(Msix::new(vectors)),
            isr: AtomicU8::new(0),
            config_generation: AtomicU8::new(0),
            config_vector: AtomicU16::new(VIRTIO_MSI_NO_VECTOR),
            queue_vectors: (0..queues).map(|_| AtomicU16::new(VIRTIO_MSI_NO_VECTOR)).collect(),
        }
    }

    /// The driver reset the device: no vector is assigned any more.
    pub fn reset(&self) {
        self.isr.store(0, Ordering::Release);
        for vector in self.queue_vectors.iter().chain([&self.config_vector]) {
            vector.store(VIRTIO_MSI_NO_VECTOR, Ordering::Release);
        }
    }

    /// Does `act` to the MSI-X table and sends what that sets free.
    pub fn with_msix(&self, act: impl FnOnce(&mut Msix) -> Vec<MsiMessage>) {
        let pending = act(&mut self.msix.lock());
        pending.into_iter().for_each(|message| self.interrupts.send(message));
    }

    /// Reads and clears the interrupt status.
    pub fn read_isr(&self) -> u8 {
        self.isr.swap(0, Ordering::AcqRel)
    }

    /// Counts changes of the device's configuration.
    pub fn config_generation(&self) -> u8 {
        self.config_generation.load(Ordering::Acquire)
    }

    /// The vector of configuration changes.
    pub fn config_vector(&self) -> u16 {
        self.config_vector.load(Ordering::Acquire)
    }

    /// Assigns it; one that does not exist becomes [`VIRTIO_MSI_NO_VECTOR`].
    pub fn set_config_vector(&self, vector: u16) {
        self.config_vector.store(self.valid_vector(vector), Ordering::Release);
    }

    /// The vector of queue `index`.
    pub fn queue_vector(&self, index: u16) -> u16 {
        self.queue_vectors.get(usize::from(index)).map_or(VIRTIO_MSI_NO_VECTOR, |v| v.load(Ordering::Acquire))
    }

    /// Assigns it; one that does not exist becomes [`VIRTIO_MSI_NO_VECTOR`].
    pub fn set_queue_vector(&self, index: u16, vector: u16) {
        if let Some(slot) = self.queue_vectors.get(usize::from(index)) {
            slot.store(self.valid_vector(vector), Ordering::Release);
        }
    }

    fn valid_vector(&self, vector: u16) -> u16 {
        if vector < self.msix.lock().vector_count() { vector } else { VIRTIO_MSI_NO_VECTOR }
    }

    fn trigger(&self, isr: u8, vector: u16) {
        self.isr.fetch_or(isr, Ordering::AcqRel);
        let message = self.msix.lock().trigger(vector);
        if let Some(message) = message {
            self.interrupts.send(message);
        }
    }
}

impl Interrupt for VirtioInterrupt {
    fn signal_used_queue(&self, index: u16) {
        self.trigger(ISR_QUEUE_INTERRUPT, self.queue_vector(index));
    }

    fn signal_config_changed(&self) {
        self.config_generation.fetch_add(1, Ordering::AcqRel);
        self.trigger(ISR_CONFIG_CHANGE, self.config_vector());
    }
}
