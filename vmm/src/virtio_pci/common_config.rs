//! `virtio_pci_common_cfg` and the life of a device as its driver leads it (virtio 1.2, sections
//! 2.1, 3.1 and 4.1.4.3).

use super::interrupt::VirtioInterrupt;
use oriel_virtio::GuestRam;
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestAddress;

/// The device has met an error that only a reset mends.
pub const STATUS_NEEDS_RESET: u8 = 0x40;
const STATUS_FEATURES_OK: u8 = 8;
const STATUS_DRIVER_OK: u8 = 4;

const DEVICE_FEATURE_SELECT: u64 = 0x00;
const DRIVER_FEATURE_SELECT: u64 = 0x08;
const DRIVER_FEATURE: u64 = 0x0C;
const CONFIG_MSIX_VECTOR: u64 = 0x10;
const DEVICE_STATUS: u64 = 0x14;
const QUEUE_SELECT: u64 = 0x16;
const QUEUE_SIZE: u64 = 0x18;
const QUEUE_MSIX_VECTOR: u64 = 0x1A;
const QUEUE_ENABLE: u64 = 0x1C;
const QUEUE_DESC: u64 = 0x20;
const QUEUE_DRIVER: u64 = 0x28;
const QUEUE_DEVICE: u64 = 0x30;
const LENGTH: usize = 0x40;

/// What a write asks the transport to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing more.
    None,
    /// Reset the device.
    Reset,
    /// Start the device with these features.
    Activate(u64),
}

/// Why the queues cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A ring is misaligned, has a bad size or lies outside of memory.
    #[error("queue {0} does not lie in the guest's memory as it should")]
    Invalid(usize),
}

#[derive(Debug, Clone, Copy)]
struct QueueSetup {
    maximum: u16,
    size: u16,
    enabled: bool,
    desc: u64,
    driver: u64,
    device: u64,
}

impl QueueSetup {
    fn new(maximum: u16) -> Self {
        Self { maximum, size: maximum, enabled: false, desc: 0, driver: 0, device: 0 }
    }

    fn build(&self, ram: &GuestRam, event_idx: bool) -> Option<Queue> {
        let mut queue = Queue::new(self.maximum).ok()?;
        queue.try_set_size(self.size).ok()?;
        queue.try_set_desc_table_address(GuestAddress(self.desc)).ok()?;
        queue.try_set_avail_ring_address(GuestAddress(self.driver)).ok()?;
        queue.try_set_used_ring_address(GuestAddress(self.device)).ok()?;
        queue.set_event_idx(event_idx);
        queue.set_ready(true);
        queue.is_valid(&**ram).then_some(queue)
    }
}

/// The registers.
pub struct CommonConfig {
    offered: u64,
    accepted: u64,
    device_feature_select: u32,
    driver_feature_select: u32,
    status: u8,
    queue_select: u16,
    queues: Vec<QueueSetup>,
}

impl CommonConfig {
    /// For a device that offers `features` (VERSION_1 is added) with queues of at most these sizes.
    pub fn new(features: u64, queue_sizes: &[u16]) -> Self {
        Self {
            offered: features | 1 << VIRTIO_F_VERSION_1,
            accepted: 0,
            device_feature_select: 0,
            driver_feature_select: 0,
            status: 0,
            queue_select: 0,
            queues: queue_sizes.iter().map(|size| QueueSetup::new(*size)).collect(),
        }
    }

    /// Back to how it came out of [`Self::new`].
    pub fn reset(&mut self) {
        let sizes: Vec<u16> = self.queues.iter().map(|queue| queue.maximum).collect();
        *self = Self::new(self.offered, &sizes);
    }

    /// The driver's read; `extra_status` is or-ed into the device status.
    pub fn read(&self, offset: u64, data: &mut [u8], interrupt: &VirtioInterrupt, extra_status: u8) {
        let mut image = [0u8; LENGTH];
        let mut put = |at: u64, bytes: &[u8]| {
            let at = at as usize;
            if let Some(to) = image.get_mut(at..at + bytes.len()) {
                to.copy_from_slice(bytes);
            }
        };
        put(DEVICE_FEATURE_SELECT, &self.device_feature_select.to_le_bytes());
        put(0x04, &word_of(self.offered, self.device_feature_select).to_le_bytes());
        put(DRIVER_FEATURE_SELECT, &self.driver_feature_select.to_le_bytes());
        put(DRIVER_FEATURE, &word_of(self.accepted, self.driver_feature_select).to_le_bytes());
        put(CONFIG_MSIX_VECTOR, &interrupt.config_vector().to_le_bytes());
        put(0x12, &(self.queues.len() as u16).to_le_bytes());
        put(DEVICE_STATUS, &[self.status | extra_status, interrupt.generation()]);
        put(QUEUE_SELECT, &self.queue_select.to_le_bytes());
        if let Some(queue) = self.queues.get(usize::from(self.queue_select)) {
            put(QUEUE_SIZE, &queue.size.to_le_bytes());
            put(QUEUE_MSIX_VECTOR, &interrupt.queue_vector(self.queue_select).to_le_bytes());
            put(QUEUE_ENABLE, &u16::from(queue.enabled).to_le_bytes());
            put(0x1E, &self.queue_select.to_le_bytes());
            put(QUEUE_DESC, &queue.desc.to_le_bytes());
            put(QUEUE_DRIVER, &queue.driver.to_le_bytes());
            put(QUEUE_DEVICE, &queue.device.to_le_bytes());
        } else {
            put(QUEUE_MSIX_VECTOR, &super::interrupt::NO_VECTOR.to_le_bytes());
        }
        for (at, byte) in (offset..).zip(data) {
            *byte = usize::try_from(at).ok().and_then(|at| image.get(at).copied()).unwrap_or(0);
        }
    }

    /// The driver's write; one of another width than the register's is ignored.
    pub fn write(&mut self, offset: u64, data: &[u8], interrupt: &VirtioInterrupt) -> Effect {
        match *data {
            [byte] if offset == DEVICE_STATUS => return self.set_status(byte),
            [a, b] => self.write16(offset, u16::from_le_bytes([a, b]), interrupt),
            [a, b, c, d] => self.write32(offset, u32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] if offset >= QUEUE_DESC => {
                self.write32(offset, u32::from_le_bytes([a, b, c, d]));
                self.write32(offset.saturating_add(4), u32::from_le_bytes([e, f, g, h]));
            }
            _ => {}
        }
        Effect::None
    }

    fn write16(&mut self, offset: u64, value: u16, interrupt: &VirtioInterrupt) {
        match offset {
            CONFIG_MSIX_VECTOR => interrupt.set_config_vector(value),
            QUEUE_SELECT => self.queue_select = value,
            QUEUE_MSIX_VECTOR => interrupt.set_queue_vector(self.queue_select, value),
            _ => {
                let Some(queue) = self.selected() else { return };
                match offset {
                    QUEUE_SIZE => queue.size = value,
                    QUEUE_ENABLE if value == 1 => queue.enabled = true,
                    _ => {}
                }
            }
        }
    }

    fn write32(&mut self, offset: u64, value: u32) {
        match offset {
            DEVICE_FEATURE_SELECT => self.device_feature_select = value,
            DRIVER_FEATURE_SELECT => self.driver_feature_select = value,
            DRIVER_FEATURE if self.status & STATUS_FEATURES_OK == 0 => {
                set_word(&mut self.accepted, self.driver_feature_select, value);
            }
            QUEUE_DESC..LENGTH_END => {
                let Some(queue) = self.selected() else { return };
                let field = match offset & !7 {
                    QUEUE_DESC => &mut queue.desc,
                    QUEUE_DRIVER => &mut queue.driver,
                    _ => &mut queue.device,
                };
                match offset & 7 {
                    0 => set_word(field, 0, value),
                    4 => set_word(field, 1, value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn set_status(&mut self, status: u8) -> Effect {
        if status == 0 {
            return Effect::Reset;
        }
        let mut next = status & !STATUS_NEEDS_RESET;
        let agreed = self.accepted & !self.offered == 0 && self.accepted >> VIRTIO_F_VERSION_1 & 1 == 1;
        if self.status & STATUS_FEATURES_OK == 0 && !agreed {
            next &= !STATUS_FEATURES_OK;
        }
        let starts = next & STATUS_DRIVER_OK != 0 && self.status & STATUS_DRIVER_OK == 0;
        self.status = next;
        if starts && next & STATUS_FEATURES_OK != 0 { Effect::Activate(self.accepted) } else { Effect::None }
    }

    /// The enabled queues, checked against the guest's memory.
    ///
    /// # Errors
    /// When the driver enabled a queue that cannot be one.
    pub fn build_queues(&self, ram: &GuestRam) -> Result<Vec<Option<Queue>>, QueueError> {
        let event_idx = self.accepted >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
        let build = |(index, setup): (usize, &QueueSetup)| match setup.enabled {
            true => setup.build(ram, event_idx).map(Some).ok_or(QueueError::Invalid(index)),
            false => Ok(None),
        };
        self.queues.iter().enumerate().map(build).collect()
    }

    /// The selected queue, while the driver may still set it up.
    fn selected(&mut self) -> Option<&mut QueueSetup> {
        let running = self.status & STATUS_DRIVER_OK != 0;
        self.queues.get_mut(usize::from(self.queue_select)).filter(|queue| !running && !queue.enabled)
    }
}

/// One past the queue addresses.
const LENGTH_END: u64 = 0x38;

fn word_of(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

fn set_word(value: &mut u64, select: u32, word: u32) {
    match select {
        0 => *value = *value & !0xFFFF_FFFF | u64::from(word),
        1 => *value = *value & 0xFFFF_FFFF | u64::from(word) << 32,
        _ => {}
    }
}
