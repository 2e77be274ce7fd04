//! Interrupts of a virtio function: ISR status, the vectors that the driver assigned to queues and
//! configuration, and MSI-X (virtio 1.2, sections 4.1.4.5 and 4.1.5). INTx is not supported.

use crate::interrupts::InterruptManager;
use crate::pci::{MsiMessage, Msix};
use oriel_virtio::Interrupt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

/// Vector number for an event without a vector (virtio 1.2, section 4.1.5.1.2).
pub const VIRTIO_MSI_NO_VECTOR: u16 = 0xFFFF;
/// ISR status bit of used buffer notifications (virtio 1.2, section 4.1.4.5).
const ISR_QUEUE_INTERRUPT: u8 = 1;
/// ISR status bit of configuration change notifications.
const ISR_CONFIG_CHANGE: u8 = 2;

/// Interrupt state of one virtio function. Lock order: callers may hold the device's lock; methods lock
/// the MSI-X table inside, and take no other lock while they hold it.
pub struct VirtioInterrupt {
    interrupt_manager: Arc<dyn InterruptManager>,
    msix: Mutex<Msix>,
    isr: AtomicU8,
    config_generation: AtomicU8,
    config_vector: AtomicU16,
    queue_vectors: Vec<AtomicU16>,
}

impl VirtioInterrupt {
    /// Creates the state of a function with `queues` queues and `vectors` MSI-X vectors, none assigned.
    /// Messages are sent through `interrupt_manager`.
    pub fn new(interrupt_manager: Arc<dyn InterruptManager>, queues: u16, vectors: u16) -> Self {
        Self {
            interrupt_manager,
            msix: Mutex::new(Msix::new(vectors)),
            isr: AtomicU8::new(0),
            config_generation: AtomicU8::new(0),
            config_vector: AtomicU16::new(VIRTIO_MSI_NO_VECTOR),
            queue_vectors: (0..queues).map(|_| AtomicU16::new(VIRTIO_MSI_NO_VECTOR)).collect(),
        }
    }

    /// Clears the ISR status and all vector assignments, as a device reset requires. The MSI-X table
    /// belongs to the PCI function and keeps its state.
    pub fn reset(&self) {
        self.isr.store(0, Ordering::Release);
        for vector in self.queue_vectors.iter().chain([&self.config_vector]) {
            vector.store(VIRTIO_MSI_NO_VECTOR, Ordering::Release);
        }
    }

    /// Runs `act` on the locked MSI-X table, then sends the messages that `act` returns.
    pub fn with_msix(&self, act: impl FnOnce(&mut Msix) -> Vec<MsiMessage>) {
        let pending = act(&mut self.msix.lock());
        pending.into_iter().for_each(|message| self.interrupt_manager.send(message));
    }

    /// Reads and clears the ISR status: bit 0 queue interrupt, bit 1 configuration change.
    pub fn read_isr(&self) -> u8 {
        self.isr.swap(0, Ordering::AcqRel)
    }

    /// Returns `config_generation`, the wrapping count of configuration changes (virtio 1.2,
    /// section 4.1.4.3).
    pub fn config_generation(&self) -> u8 {
        self.config_generation.load(Ordering::Acquire)
    }

    /// Returns `config_msix_vector`, the vector of configuration change notifications.
    pub fn config_vector(&self) -> u16 {
        self.config_vector.load(Ordering::Acquire)
    }

    /// Assigns the vector of configuration change notifications. A vector outside of the MSI-X table
    /// becomes [`VIRTIO_MSI_NO_VECTOR`].
    pub fn set_config_vector(&self, vector: u16) {
        self.config_vector.store(self.valid_vector(vector), Ordering::Release);
    }

    /// Returns `queue_msix_vector` of queue `index`; [`VIRTIO_MSI_NO_VECTOR`] for a queue that does not
    /// exist.
    pub fn queue_vector(&self, index: u16) -> u16 {
        self.queue_vectors.get(usize::from(index)).map_or(VIRTIO_MSI_NO_VECTOR, |v| v.load(Ordering::Acquire))
    }

    /// Assigns the vector of queue `index`, if the queue exists. A vector outside of the MSI-X table
    /// becomes [`VIRTIO_MSI_NO_VECTOR`].
    pub fn set_queue_vector(&self, index: u16, vector: u16) {
        if let Some(slot) = self.queue_vectors.get(usize::from(index)) {
            slot.store(self.valid_vector(vector), Ordering::Release);
        }
    }

    /// Returns `vector` if the MSI-X table contains it, otherwise [`VIRTIO_MSI_NO_VECTOR`].
    fn valid_vector(&self, vector: u16) -> u16 {
        if vector < self.msix.lock().vector_count() { vector } else { VIRTIO_MSI_NO_VECTOR }
    }

    /// Sets the bits `isr` of the ISR status and sends the message of `vector`, unless it is masked.
    fn trigger(&self, isr: u8, vector: u16) {
        self.isr.fetch_or(isr, Ordering::AcqRel);
        let message = self.msix.lock().trigger(vector);
        if let Some(message) = message {
            self.interrupt_manager.send(message);
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
