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
const DEVICE_FEATURE: u64 = 0x04;
const DRIVER_FEATURE_SELECT: u64 = 0x08;
const DRIVER_FEATURE: u64 = 0x0C;
const CONFIG_MSIX_VECTOR: u64 = 0x10;
const NUM_QUEUES: u64 = 0x12;
const DEVICE_STATUS: u64 = 0x14;
const QUEUE_SELECT: u64 = 0x16;
const QUEUE_SIZE: u64 = 0x18;
const QUEUE_MSIX_VECTOR: u64 = 0x1A;
const QUEUE_ENABLE: u64 = 0x1C;
const QUEUE_NOTIFY_OFF: u64 = 0x1E;
const QUEUE_DESC: u64 = 0x20;
const QUEUE_DRIVER: u64 = 0x28;
const QUEUE_DEVICE: u64 = 0x30;
const COMMON_CFG_SIZE: usize = 0x40;

/// What a write asks the transport to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum StatusChange {
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
struct QueueConfig {
    max_size: u16,
    size: u16,
    enabled: bool,
    descriptor_area: u64,
    driver_area: u64,
    device_area: u64,
}

impl QueueConfig {
    fn new(max_size: u16) -> Self {
        Self { max_size, size: max_size, enabled: false, descriptor_area: 0, driver_area: 0, device_area: 0 }
    }

    fn build(&self, ram: &GuestRam, event_idx: bool) -> Option<Queue> {
        let mut queue = Queue::new(self.max_size).ok()?;
        queue.try_set_size(self.size).ok()?;
        queue.try_set_desc_table_address(GuestAddress(self.descriptor_area)).ok()?;
        queue.try_set_avail_ring_address(GuestAddress(self.driver_area)).ok()?;
        queue.try_set_used_ring_address(GuestAddress(self.device_area)).ok()?;
        queue.set_event_idx(event_idx);
        queue.set_ready(true);
        queue.is_valid(&**ram).then_some(queue)
    }
}

/// The registers.
pub struct CommonConfig {
    device_features: u64,
    driver_features: u64,
    device_feature_select: u32,
    driver_feature_select: u32,
    status: u8,
    queue_select: u16,
    queues: Vec<QueueConfig>,
}

impl CommonConfig {
    /// For a device that offers `features` (VERSION_1 is added) with queues of at most these sizes.
    pub fn new(features: u64, queue_sizes: &[u16]) -> Self {
        Self {
            device_features: features | 1 << VIRTIO_F_VERSION_1,
            driver_features: 0,
            device_feature_select: 0,
            driver_feature_select: 0,
            status: 0,
            queue_select: 0,
            queues: queue_sizes.iter().map(|size| QueueConfig::new(*size)).collect(),
        }
    }

    /// Back to how it came out of [`Self::new`].
    pub fn reset(&mut self) {
        let sizes: Vec<u16> = self.queues.iter().map(|queue| queue.max_size).collect();
        *self = Self::new(self.device_features, &sizes);
    }

    /// The driver's read; `extra_status` is or-ed into the device status.
    pub fn read(&self, offset: u64, data: &mut [u8], interrupt: &VirtioInterrupt, extra_status: u8) {
        let mut image = [0u8; COMMON_CFG_SIZE];
        let mut put = |at: u64, bytes: &[u8]| {
            let at = at as usize;
            if let Some(to) = image.get_mut(at..at + bytes.len()) {
                to.copy_from_slice(bytes);
            }
        };
        put(DEVICE_FEATURE_SELECT, &self.device_feature_select.to_le_bytes());
        put(DEVICE_FEATURE, &select_dword(self.device_features, self.device_feature_select).to_le_bytes());
        put(DRIVER_FEATURE_SELECT, &self.driver_feature_select.to_le_bytes());
        put(DRIVER_FEATURE, &select_dword(self.driver_features, self.driver_feature_select).to_le_bytes());
        put(CONFIG_MSIX_VECTOR, &interrupt.config_vector().to_le_bytes());
        put(NUM_QUEUES, &(self.queues.len() as u16).to_le_bytes());
        put(DEVICE_STATUS, &[self.status | extra_status, interrupt.config_generation()]);
        put(QUEUE_SELECT, &self.queue_select.to_le_bytes());
        if let Some(queue) = self.queues.get(usize::from(self.queue_select)) {
            put(QUEUE_SIZE, &queue.size.to_le_bytes());
            put(QUEUE_MSIX_VECTOR, &interrupt.queue_vector(self.queue_select).to_le_bytes());
            put(QUEUE_ENABLE, &u16::from(queue.enabled).to_le_bytes());
            put(QUEUE_NOTIFY_OFF, &self.queue_select.to_le_bytes());
            put(QUEUE_DESC, &queue.descriptor_area.to_le_bytes());
            put(QUEUE_DRIVER, &queue.driver_area.to_le_bytes());
            put(QUEUE_DEVICE, &queue.device_area.to_le_bytes());
        } else {
            put(QUEUE_MSIX_VECTOR, &super::interrupt::VIRTIO_MSI_NO_VECTOR.to_le_bytes());
        }
        for (at, byte) in (offset..).zip(data) {
            *byte = usize::try_from(at).ok().and_then(|at| image.get(at).copied()).unwrap_or(0);
        }
    }

    /// The driver's write; one of another width than the register's is ignored.
    pub fn write(&mut self, offset: u64, data: &[u8], interrupt: &VirtioInterrupt) -> StatusChange {
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
        StatusChange::None
    }

    fn write16(&mut self, offset: u64, value: u16, interrupt: &VirtioInterrupt) {
        match offset {
            CONFIG_MSIX_VECTOR => interrupt.set_config_vector(value),
            QUEUE_SELECT => self.queue_select = value,
            QUEUE_MSIX_VECTOR => interrupt.set_queue_vector(self.queue_select, value),
            _ => {
                let Some(queue) = self.configurable_queue() else { return };
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
                set_dword(&mut self.driver_features, self.driver_feature_select, value);
            }
            QUEUE_DESC..QUEUE_ADDRESSES_END => {
                let Some(queue) = self.configurable_queue() else { return };
                let field = match offset & !7 {
                    QUEUE_DESC => &mut queue.descriptor_area,
                    QUEUE_DRIVER => &mut queue.driver_area,
                    _ => &mut queue.device_area,
                };
                match offset & 7 {
                    0 => set_dword(field, 0, value),
                    4 => set_dword(field, 1, value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn set_status(&mut self, status: u8) -> StatusChange {
        if status == 0 {
            return StatusChange::Reset;
        }
        let mut next = status & !STATUS_NEEDS_RESET;
        let acceptable = self.driver_features & !self.device_features == 0
            && self.driver_features >> VIRTIO_F_VERSION_1 & 1 == 1;
        if self.status & STATUS_FEATURES_OK == 0 && !acceptable {
            next &= !STATUS_FEATURES_OK;
        }
        let activates = next & STATUS_DRIVER_OK != 0 && self.status & STATUS_DRIVER_OK == 0;
        self.status = next;
        if activates && next & STATUS_FEATURES_OK != 0 {
            StatusChange::Activate(self.driver_features)
        } else {
            StatusChange::None
        }
    }

    /// The enabled queues, checked against the guest's memory.
    ///
    /// # Errors
    /// When the driver enabled a queue that cannot be one.
    pub fn build_queues(&self, ram: &GuestRam) -> Result<Vec<Option<Queue>>, QueueError> {
        let event_idx = self.driver_features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
        let build = |(index, config): (usize, &QueueConfig)| match config.enabled {
            true => config.build(ram, event_idx).map(Some).ok_or(QueueError::Invalid(index)),
            false => Ok(None),
        };
        self.queues.iter().enumerate().map(build).collect()
    }

    /// The selected queue, while the driver may still set it up.
    fn configurable_queue(&mut self) -> Option<&mut QueueConfig> {
        let running = self.status & STATUS_DRIVER_OK != 0;
        self.queues.get_mut(usize::from(self.queue_select)).filter(|queue| !running && !queue.enabled)
    }
}

/// One past the queue addresses.
const QUEUE_ADDRESSES_END: u64 = 0x38;

fn select_dword(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

fn set_dword(value: &mut u64, select: u32, word: u32) {
    match select {
        0 => *value = *value & !0xFFFF_FFFF | u64::from(word),
        1 => *value = *value & 0xFFFF_FFFF | u64::from(word) << 32,
        _ => {}
    }
}
