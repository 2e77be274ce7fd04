//! Device side of a split virtqueue (VIRTIO 1.2, section 2.7).
//!
//! [`DeviceQueue`] takes descriptor chains from the available ring, returns them through the used ring, and
//! suppresses or sends notifications. [`Chain`] is one validated descriptor chain. Every device uses these
//! types, so that hostile rings are handled in one place.

mod chain;
#[cfg(any(test, feature = "test-driver"))]
pub mod test_driver;

pub use chain::{Chain, OutOfChain};

use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, GuestRam, Interrupt};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use virtio_bindings::virtio_ring::{
    VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC, VRING_AVAIL_F_NO_INTERRUPT,
};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress};

/// Ring features that every device offers: indirect descriptors and event indices.
pub const RING_FEATURES: u64 = (1 << VIRTIO_RING_F_INDIRECT_DESC) | (1 << VIRTIO_RING_F_EVENT_IDX);

/// Size of the available ring's header in bytes (VIRTIO 1.2, section 2.7.6).
const AVAIL_RING_HEADER: u64 = 4;
/// Size of an element of the available ring in bytes.
const AVAIL_ELEMENT: u64 = 2;
/// Size of the used ring's header in bytes (VIRTIO 1.2, section 2.7.8).
const USED_RING_HEADER: u64 = 4;
/// Size of an element of the used ring in bytes.
const USED_ELEMENT: u64 = 8;

/// Device side of an activated virtqueue.
pub struct DeviceQueue {
    index: u16,
    queue: Queue,
    memory: GuestRam,
    interrupt: Arc<dyn Interrupt>,
    counters: Arc<DeviceCounters>,
    broken: bool,
    unsignalled: bool,
    /// Used index at the last decision whether to interrupt the driver.
    signalled_used: u16,
}

impl DeviceQueue {
    /// Takes queue `index` out of `activation`.
    ///
    /// # Errors
    /// When the driver left the queue disabled, or placed a part of the queue outside of guest memory.
    pub fn take(
        activation: &mut Activation,
        index: u16,
        counters: &Arc<DeviceCounters>,
    ) -> Result<Self, ActivateError> {
        let slot = activation.queues.get_mut(usize::from(index));
        let mut queue = slot.and_then(Option::take).ok_or(ActivateError::QueueMissing(index))?;
        if !queue.is_valid(&*activation.memory) {
            return Err(ActivateError::QueueInvalid(index));
        }
        queue.set_event_idx(activation.features & (1 << VIRTIO_RING_F_EVENT_IDX) != 0);
        Ok(Self {
            index,
            signalled_used: queue.next_used(),
            queue,
            memory: activation.memory.clone(),
            interrupt: activation.interrupt.clone(),
            counters: counters.clone(),
            broken: false,
            unsignalled: false,
        })
    }

    /// Returns the number of descriptors that the driver chose for the queue.
    pub fn size(&self) -> u16 {
        self.queue.size()
    }

    /// Takes the next descriptor chain, or `None` once the available ring is empty; the driver then
    /// notifies the device of the next chain. Malformed chains are counted and returned at once.
    pub fn pop(&mut self) -> Option<Chain> {
        loop {
            if let Some(chain) = self.pop_without_notification() {
                return Some(chain);
            }
            // A chain added since the check would have no notification, so check again.
            if !self.enable_notifications() {
                return None;
            }
        }
    }

    /// Takes the next descriptor chain like [`Self::pop`], without a change of notifications. The caller
    /// polls again, or calls [`Self::enable_notifications`].
    pub fn pop_without_notification(&mut self) -> Option<Chain> {
        while !self.broken {
            match self.next_available()? {
                (_, Some(chain)) => return Some(chain),
                (head, None) => self.return_malformed(head),
            }
        }
        None
    }

    /// Enables available buffer notifications; returns whether chains became available before the change.
    pub fn enable_notifications(&mut self) -> bool {
        if self.broken {
            return false;
        }
        self.queue.enable_notification(&*self.memory).unwrap_or_else(|error| {
            self.fail(&error);
            false
        })
    }

    /// Disables available buffer notifications. (With VIRTIO_RING_F_EVENT_IDX the driver sends one
    /// for every [`Self::enable_notifications`] in any case.)
    pub fn disable_notifications(&mut self) {
        if let Err(error) = self.queue.disable_notification(&*self.memory) {
            self.fail(&error);
        }
    }

    /// Returns `chain` through the used ring, with `written` bytes in its writable part.
    pub fn complete(&mut self, chain: Chain, written: u32) {
        self.add_used(chain.head(), written);
    }

    /// Returns several chains at once, each with the number of bytes written. The driver sees all chains or
    /// none, as merged receive buffers require (VIRTIO 1.2, section 5.1.6.4).
    pub fn complete_together(&mut self, chains: impl IntoIterator<Item = (Chain, u32)>) {
        let mut chains = chains.into_iter().peekable();
        let mut place = self.queue.next_used();
        while let Some((chain, written)) = chains.next() {
            if chains.peek().is_none() {
                // The ring's index moves past all of them with the last.
                self.queue.set_next_used(place);
                return self.add_used(chain.head(), written);
            }
            let slot = place.checked_rem(self.queue.size()).unwrap_or(0);
            let at = self.queue.used_ring().saturating_add(USED_RING_HEADER + u64::from(slot) * USED_ELEMENT);
            let element = [u32::from(chain.head()).to_le(), written.to_le()];
            if let Err(error) = self.memory.write_obj(element, GuestAddress(at)) {
                return self.fail(&virtio_queue::Error::GuestMemory(error));
            }
            place = place.wrapping_add(1);
        }
    }

    /// Counts a chain without a part that the device needs, and returns the chain with no bytes written.
    pub fn complete_malformed(&mut self, chain: Chain) {
        self.return_malformed(chain.head());
    }

    /// Sends the used buffer notification if chains were returned since the last call and the driver
    /// has not suppressed notifications.
    pub fn signal(&mut self) {
        if std::mem::take(&mut self.unsignalled) && self.driver_wants_interrupt() {
            self.interrupt.signal_used_queue(self.index);
        }
    }

    /// Whether the queue has impossible indices, which only a reset of the device repairs.
    pub fn broken(&self) -> bool {
        self.broken
    }

    /// Returns the next head, and its chain if the chain is well-formed.
    fn next_available(&mut self) -> Option<(u16, Option<Chain>)> {
        let memory = self.memory.clone();
        match self.queue.iter(memory) {
            Ok(mut available) => {
                let raw = available.next()?;
                let head = raw.head_index();
                Some((head, Chain::parse(raw, &self.memory)))
            }
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// Counts and returns a malformed chain.
    fn return_malformed(&mut self, head: u16) {
        self.counters.malformed_chains.add_one();
        self.add_used(head, 0);
    }

    /// Adds an element to the used ring.
    fn add_used(&mut self, head: u16, written: u32) {
        match self.queue.add_used(&*self.memory, head, written) {
            Ok(()) => self.unsignalled = true,
            Err(error) => self.fail(&error),
        }
    }

    /// Whether the driver wants an interrupt for the elements added since the last call (section 2.7.7).
    fn driver_wants_interrupt(&mut self) -> bool {
        let used = self.queue.next_used();
        let signalled_used = std::mem::replace(&mut self.signalled_used, used);
        // The used index must be visible before the driver's suppression is read.
        fence(Ordering::SeqCst);
        if self.queue.event_idx_enabled() {
            let offset = AVAIL_RING_HEADER + u64::from(self.queue.size()) * AVAIL_ELEMENT;
            // The driver wants an interrupt when the used index passes this one (section 2.7.7.2).
            return self.avail_field(offset).is_none_or(|event| {
                used.wrapping_sub(event).wrapping_sub(1) < used.wrapping_sub(signalled_used)
            });
        }
        self.avail_field(0).is_none_or(|flags| u32::from(flags) & VRING_AVAIL_F_NO_INTERRUPT == 0)
    }

    /// Reads a 16-bit field of the available ring at byte `offset`.
    fn avail_field(&self, offset: u64) -> Option<u16> {
        let at = GuestAddress(self.queue.avail_ring().checked_add(offset)?);
        self.memory.load(at, Ordering::Relaxed).ok().map(u16::from_le)
    }

    /// Marks the queue as broken.
    fn fail(&mut self, error: &virtio_queue::Error) {
        if !self.broken {
            self.broken = true;
            self.counters.broken_queues.add_one();
            oriel_vmm_api::log_limited!(warn, queue = self.index, %error, "the guest broke a virtqueue; it needs a reset");
        }
    }
}

#[cfg(test)]
mod tests;
