//! Driver side of virtqueues for tests and fuzz targets: writes rings and descriptors into guest memory,
//! well-formed or not. Products are built without this module.
#![allow(clippy::unwrap_used, clippy::should_implement_trait, missing_docs)]

use crate::device::{Activation, GuestRam, Interrupt};
use parking_lot::Mutex;
use std::sync::Arc;
use virtio_bindings::virtio_ring::{
    VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE, VRING_USED_F_NO_NOTIFY,
};
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

/// Descriptor flag VIRTQ_DESC_F_NEXT.
pub const NEXT: u16 = VRING_DESC_F_NEXT as u16;
/// Descriptor flag VIRTQ_DESC_F_WRITE.
pub const WRITE: u16 = VRING_DESC_F_WRITE as u16;
/// Descriptor flag VIRTQ_DESC_F_INDIRECT.
pub const INDIRECT: u16 = VRING_DESC_F_INDIRECT as u16;

/// Allocates guest memory of `mib` MiB from address 0 on.
pub fn ram(mib: usize) -> GuestRam {
    Arc::new(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), mib << 20)]).unwrap())
}

/// Log of a device's interrupts.
#[derive(Default)]
pub struct InterruptLog {
    raised: Mutex<Vec<Option<u16>>>,
}

impl InterruptLog {
    /// Takes the interrupts since the last call: queue indices, or `None` for a configuration change.
    pub fn take(&self) -> Vec<Option<u16>> {
        std::mem::take(&mut self.raised.lock())
    }
}

impl Interrupt for InterruptLog {
    fn signal_used_queue(&self, index: u16) {
        self.raised.lock().push(Some(index));
    }

    fn signal_config_changed(&self) {
        self.raised.lock().push(None);
    }
}

/// Descriptor as in guest memory (`struct virtq_desc`).
#[derive(Debug, Clone, Copy)]
pub struct RawDescriptor {
    /// Guest address of the buffer.
    pub address: u64,
    /// Length of the buffer in bytes.
    pub len: u32,
    /// Combination of [`NEXT`], [`WRITE`] and [`INDIRECT`].
    pub flags: u16,
    /// Index of the next descriptor.
    pub next: u16,
}

/// Chain that was made available to the device.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Index of the first descriptor.
    pub head: u16,
    /// Guest address and length of each writable buffer.
    pub writable: Vec<(u64, usize)>,
}

/// Driver side of a virtqueue.
pub struct TestDriver {
    /// Guest memory with queue and buffers.
    pub memory: GuestRam,
    base: u64,
    size: u16,
    next_descriptor: u16,
    /// Next index of the available ring.
    pub available: u16,
    seen: u16,
    /// Address of the next buffer; wraps around from `end` to `start`.
    heap: u64,
    start: u64,
    end: u64,
}

impl TestDriver {
    /// Creates the driver of a queue of `size` descriptors at the MiB-aligned `base`; buffers fill the rest
    /// of the MiB.
    pub fn new(memory: &GuestRam, base: u64, size: u16) -> Self {
        let start = base + 0x8000;
        Self {
            memory: memory.clone(),
            base,
            size,
            next_descriptor: 0,
            available: 0,
            seen: 0,
            heap: start,
            start,
            end: base + (1 << 20),
        }
    }

    /// Returns the guest address of the available ring.
    pub fn avail_ring(&self) -> u64 {
        self.base + 0x4000
    }

    /// Returns the guest address of the used ring.
    pub fn used_ring(&self) -> u64 {
        self.base + 0x6000
    }

    /// Returns the queue object that a transport would pass to the device.
    pub fn queue(&self) -> Queue {
        let mut queue = Queue::new(self.size).unwrap();
        queue.set_desc_table_address(Some(self.base as u32), Some(0));
        queue.set_avail_ring_address(Some(self.avail_ring() as u32), Some(0));
        queue.set_used_ring_address(Some(self.used_ring() as u32), Some(0));
        queue.set_ready(true);
        queue
    }

    /// Allocates a buffer of `len` bytes; returns the guest address.
    pub fn buffer(&mut self, len: usize) -> u64 {
        if self.heap + len as u64 > self.end {
            self.heap = self.start;
        }
        let address = self.heap;
        self.heap += (len as u64).next_multiple_of(16);
        assert!(self.heap <= self.end, "the test's buffers do not fit");
        address
    }

    /// Writes a descriptor into the table at guest address `table`.
    pub fn set_descriptor(&self, table: u64, index: u16, descriptor: RawDescriptor) {
        let at = table + u64::from(index) * 16;
        self.memory.write_obj(descriptor.address, GuestAddress(at)).unwrap();
        self.memory.write_obj(descriptor.len, GuestAddress(at + 8)).unwrap();
        self.memory.write_obj(descriptor.flags, GuestAddress(at + 12)).unwrap();
        self.memory.write_obj(descriptor.next, GuestAddress(at + 14)).unwrap();
    }

    /// Allocates and fills the buffers of a chain.
    fn parts(&mut self, readable: &[&[u8]], writable: &[usize]) -> Vec<RawDescriptor> {
        let mut parts = Vec::new();
        for bytes in readable {
            let address = self.buffer(bytes.len());
            self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
            parts.push(RawDescriptor { address, len: bytes.len() as u32, flags: 0, next: 0 });
        }
        for &len in writable {
            let address = self.buffer(len);
            self.memory.write_slice(&vec![0xAA; len], GuestAddress(address)).unwrap();
            parts.push(RawDescriptor { address, len: len as u32, flags: WRITE, next: 0 });
        }
        parts
    }

    /// Makes a well-formed chain available, with the given readable contents and writable lengths.
    pub fn send(&mut self, readable: &[&[u8]], writable: &[usize]) -> Sent {
        let parts = self.parts(readable, writable);
        let head = self.next_descriptor % self.size;
        let count = parts.len();
        for (i, mut part) in parts.iter().copied().enumerate() {
            let index = self.next_descriptor % self.size;
            self.next_descriptor = self.next_descriptor.wrapping_add(1);
            part.next = self.next_descriptor % self.size;
            part.flags |= if i + 1 < count { NEXT } else { 0 };
            self.set_descriptor(self.base, index, part);
        }
        self.publish(head);
        self.sent(head, &parts)
    }

    /// Makes a well-formed chain available behind one indirect descriptor.
    pub fn send_indirect(&mut self, readable: &[&[u8]], writable: &[usize]) -> Sent {
        let parts = self.parts(readable, writable);
        let table = self.buffer(parts.len() * 16);
        for (i, mut part) in parts.iter().copied().enumerate() {
            part.next = i as u16 + 1;
            part.flags |= if i + 1 < parts.len() { NEXT } else { 0 };
            self.set_descriptor(table, i as u16, part);
        }
        let head = self.send_raw(&[RawDescriptor {
            address: table,
            len: parts.len() as u32 * 16,
            flags: INDIRECT,
            next: 0,
        }]);
        self.sent(head, &parts)
    }

    /// Writes unchecked descriptors into the table in order, and makes the first available; returns its
    /// index.
    pub fn send_raw(&mut self, descriptors: &[RawDescriptor]) -> u16 {
        let head = self.next_descriptor % self.size;
        for descriptor in descriptors {
            let index = self.next_descriptor % self.size;
            self.next_descriptor = self.next_descriptor.wrapping_add(1);
            self.set_descriptor(self.base, index, *descriptor);
        }
        self.publish(head);
        head
    }

    /// Returns the index of the next descriptor in the table.
    pub fn next_index(&self) -> u16 {
        self.next_descriptor % self.size
    }

    /// Adds `head` to the available ring, unchecked.
    pub fn publish(&mut self, head: u16) {
        let slot = self.avail_ring() + 4 + u64::from(self.available % self.size) * 2;
        self.memory.write_obj(head, GuestAddress(slot)).unwrap();
        self.available = self.available.wrapping_add(1);
        self.publish_index(self.available);
    }

    /// Claims that the available ring reaches up to `index`.
    pub fn publish_index(&self, index: u16) {
        self.memory.write_obj(index, GuestAddress(self.avail_ring() + 2)).unwrap();
    }

    /// Sets `used_event`, with VIRTIO_RING_F_EVENT_IDX the used index after which to interrupt.
    pub fn set_used_event(&self, index: u16) {
        let at = self.avail_ring() + 4 + u64::from(self.size) * 2;
        self.memory.write_obj(index, GuestAddress(at)).unwrap();
    }

    /// Sets the available ring's flags, which count without VIRTIO_RING_F_EVENT_IDX.
    pub fn set_available_flags(&self, flags: u16) {
        self.memory.write_obj(flags, GuestAddress(self.avail_ring())).unwrap();
    }

    /// Returns `avail_event`, with VIRTIO_RING_F_EVENT_IDX the available index after which to notify the
    /// device.
    pub fn available_event(&self) -> u16 {
        let at = self.used_ring() + 4 + u64::from(self.size) * 8;
        self.memory.read_obj(GuestAddress(at)).unwrap()
    }

    /// Whether the device suppressed available buffer notifications.
    pub fn kicks_suppressed(&self) -> bool {
        let flags: u16 = self.memory.read_obj(GuestAddress(self.used_ring())).unwrap();
        u32::from(flags) & VRING_USED_F_NO_NOTIFY != 0
    }

    /// Takes the used ring's elements since the last call: head index and written length.
    pub fn used(&mut self) -> Vec<(u16, u32)> {
        let index: u16 = self.memory.read_obj(GuestAddress(self.used_ring() + 2)).unwrap();
        let mut back = Vec::new();
        while self.seen != index {
            let at = self.used_ring() + 4 + u64::from(self.seen % self.size) * 8;
            let head: u32 = self.memory.read_obj(GuestAddress(at)).unwrap();
            let len: u32 = self.memory.read_obj(GuestAddress(at + 4)).unwrap();
            back.push((head as u16, len));
            self.seen = self.seen.wrapping_add(1);
        }
        back
    }

    /// Reads the writable buffers of a chain.
    pub fn written(&self, sent: &Sent) -> Vec<u8> {
        let mut all = Vec::new();
        for &(address, len) in &sent.writable {
            let mut part = vec![0; len];
            self.memory.read_slice(&mut part, GuestAddress(address)).unwrap();
            all.extend(part);
        }
        all
    }

    /// Returns the chain with the ranges of its writable buffers.
    fn sent(&self, head: u16, parts: &[RawDescriptor]) -> Sent {
        let writable = parts.iter().filter(|part| part.flags & WRITE != 0);
        Sent { head, writable: writable.map(|part| (part.address, part.len as usize)).collect() }
    }

    /// Makes a chain of random descriptors available: addresses in and out of memory, any flags,
    /// links that loop, indirect tables of garbage.
    pub fn send_garbage(&mut self, random: &mut XorShift) {
        let count = 1 + random.below(5) as u16;
        let mut chain = Vec::new();
        for _ in 0..count {
            let len = random.below(300) as usize;
            let noise: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
            let mut address = self.buffer(len.max(16));
            self.memory.write_slice(&noise, GuestAddress(address)).unwrap();
            if random.below(8) == 0 {
                address = random.next();
            }
            let len = if random.below(8) == 0 { random.next() as u32 } else { len as u32 };
            let flags = if random.below(4) == 0 { random.below(8) as u16 } else { NEXT };
            let flags = flags | if random.below(3) == 0 { WRITE } else { 0 };
            let next = self.next_index().wrapping_add(chain.len() as u16 + 1) % self.size;
            let next = if random.below(10) == 0 { random.next() as u16 } else { next };
            chain.push(RawDescriptor { address, len, flags, next });
        }
        if let (Some(last), true) = (chain.last_mut(), random.below(6) != 0) {
            last.flags &= !NEXT;
        }
        self.send_raw(&chain);
    }
}

/// Creates an activation of `queues`, and the log of the interrupts that follow.
pub fn activation(
    memory: &GuestRam,
    queues: &[&TestDriver],
    features: u64,
) -> (Activation, Arc<InterruptLog>) {
    let interrupts = Arc::new(InterruptLog::default());
    let activation = Activation {
        memory: memory.clone(),
        queues: queues.iter().map(|driver| Some(driver.queue())).collect(),
        features,
        interrupt: interrupts.clone(),
    };
    (activation, interrupts)
}

/// Generator of deterministic pseudo-random numbers (xorshift64).
pub struct XorShift(pub u64);

impl XorShift {
    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
