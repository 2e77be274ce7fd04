//! Registers of `virtio_pci_common_cfg`: device status, feature negotiation and queue configuration
//! (virtio 1.2, sections 2.1, 2.2, 3.1 and 4.1.4.3). The registers do not touch the device:
//! [`StatusChange`] says what the transport has to do.

use super::interrupt::VirtioInterrupt;
use oriel_virtio::GuestRam;
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestAddress;

/// Status bit DEVICE_NEEDS_RESET: the device met an error from which only a reset recovers (virtio 1.2,
/// section 2.1).
pub const STATUS_NEEDS_RESET: u8 = 0x40;
/// FEATURES_OK: driver and device agree on the features.
const STATUS_FEATURES_OK: u8 = 8;
/// DRIVER_OK: the driver is ready to drive the device.
const STATUS_DRIVER_OK: u8 = 4;

// Offsets of the registers in `virtio_pci_common_cfg`.
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
/// End of the queue address registers.
const QUEUE_ADDRESSES_END: u64 = 0x38;
/// Size of the register image in bytes; registers behind the queue addresses read as zero.
const COMMON_CFG_SIZE: usize = 0x40;

/// Consequence of a register write that the transport has to apply to the device.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum StatusChange {
    /// Nothing to apply.
    None,
    /// Reset of the device: the driver wrote zero to the device status.
    Reset,
    /// Activation of the device with the negotiated feature bits: the driver set DRIVER_OK.
    Activate(u64),
}

/// Reason for which a queue configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Queue of this index whose rings are misaligned, of a bad size or outside of guest memory.
    #[error("queue {0} has a bad size, or its rings are misaligned or outside of guest memory")]
    Invalid(usize),
}

/// Registers of one queue.
#[derive(Debug, Clone, Copy)]
struct QueueConfig {
    /// Maximum number of descriptors, set by the device.
    max_size: u16,
    /// Number of descriptors that the driver chose.
    size: u16,
    enabled: bool,
    /// Guest physical address of the descriptor table.
    descriptor_area: u64,
    /// Guest physical address of the available ring.
    driver_area: u64,
    /// Guest physical address of the used ring.
    device_area: u64,
}

impl QueueConfig {
    /// Creates the registers of a disabled queue, whose size is the maximum.
    fn new(max_size: u16) -> Self {
        Self { max_size, size: max_size, enabled: false, descriptor_area: 0, driver_area: 0, device_area: 0 }
    }

    /// Builds a ready queue; `None` if the configuration is invalid for the memory `ram`.
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

/// State behind `virtio_pci_common_cfg`, the vectors excepted: those are in [`VirtioInterrupt`].
pub struct CommonConfig {
    /// Features that the device offers.
    device_features: u64,
    /// Features that the driver accepted so far.
    driver_features: u64,
    device_feature_select: u32,
    driver_feature_select: u32,
    /// Device status without DEVICE_NEEDS_RESET, which the device handler keeps.
    status: u8,
    queue_select: u16,
    queues: Vec<QueueConfig>,
}

impl CommonConfig {
    /// Creates the registers of a device that offers `features` and VIRTIO_F_VERSION_1, with one queue for
    /// each of the maximum sizes `queue_sizes`.
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

    /// Restores the state of [`Self::new`], as a device reset requires.
    pub fn reset(&mut self) {
        let sizes: Vec<u16> = self.queues.iter().map(|queue| queue.max_size).collect();
        *self = Self::new(self.device_features, &sizes);
    }

    /// Reads registers from byte `offset`; unknown bytes become zero. `extra_status` is or-ed into the
    /// device status.
    pub fn read(&self, offset: u64, data: &mut [u8], interrupt: &VirtioInterrupt, extra_status: u8) {
        let mut image = [0u8; COMMON_CFG_SIZE];
        let mut set_register = |at: u64, bytes: &[u8]| {
            let at = at as usize;
            if let Some(to) = image.get_mut(at..at + bytes.len()) {
                to.copy_from_slice(bytes);
            }
        };
        set_register(DEVICE_FEATURE_SELECT, &self.device_feature_select.to_le_bytes());
        set_register(
            DEVICE_FEATURE,
            &select_dword(self.device_features, self.device_feature_select).to_le_bytes(),
        );
        set_register(DRIVER_FEATURE_SELECT, &self.driver_feature_select.to_le_bytes());
        set_register(
            DRIVER_FEATURE,
            &select_dword(self.driver_features, self.driver_feature_select).to_le_bytes(),
        );
        set_register(CONFIG_MSIX_VECTOR, &interrupt.config_vector().to_le_bytes());
        set_register(NUM_QUEUES, &(self.queues.len() as u16).to_le_bytes());
        set_register(DEVICE_STATUS, &[self.status | extra_status, interrupt.config_generation()]);
        set_register(QUEUE_SELECT, &self.queue_select.to_le_bytes());
        if let Some(queue) = self.queues.get(usize::from(self.queue_select)) {
            set_register(QUEUE_SIZE, &queue.size.to_le_bytes());
            set_register(QUEUE_MSIX_VECTOR, &interrupt.queue_vector(self.queue_select).to_le_bytes());
            set_register(QUEUE_ENABLE, &u16::from(queue.enabled).to_le_bytes());
            set_register(QUEUE_NOTIFY_OFF, &self.queue_select.to_le_bytes());
            set_register(QUEUE_DESC, &queue.descriptor_area.to_le_bytes());
            set_register(QUEUE_DRIVER, &queue.driver_area.to_le_bytes());
            set_register(QUEUE_DEVICE, &queue.device_area.to_le_bytes());
        } else {
            set_register(QUEUE_MSIX_VECTOR, &super::interrupt::VIRTIO_MSI_NO_VECTOR.to_le_bytes());
        }
        for (at, byte) in (offset..).zip(data) {
            *byte = usize::try_from(at).ok().and_then(|at| image.get(at).copied()).unwrap_or(0);
        }
    }

    /// Writes the register at byte `offset`, in little-endian order. A write whose width is not the
    /// register's is ignored; 64-bit registers also take 32-bit halves.
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

    /// Writes the device status. FEATURES_OK stays clear unless the accepted features are a subset of the
    /// offered ones and contain VIRTIO_F_VERSION_1 (virtio 1.2, section 3.1.1).
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

    /// Builds the queues by index, `None` for disabled queues, and validates the rings against the guest
    /// memory `ram`.
    ///
    /// # Errors
    /// When an enabled queue has a bad size or rings that are misaligned or outside of memory.
    pub fn build_queues(&self, ram: &GuestRam) -> Result<Vec<Option<Queue>>, QueueError> {
        let event_idx = self.driver_features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
        let build = |(index, config): (usize, &QueueConfig)| match config.enabled {
            true => config.build(ram, event_idx).map(Some).ok_or(QueueError::Invalid(index)),
            false => Ok(None),
        };
        self.queues.iter().enumerate().map(build).collect()
    }

    /// Returns the queue of `queue_select` while its registers are writable: before the queue is enabled
    /// and before DRIVER_OK.
    fn configurable_queue(&mut self) -> Option<&mut QueueConfig> {
        let running = self.status & STATUS_DRIVER_OK != 0;
        self.queues.get_mut(usize::from(self.queue_select)).filter(|queue| !running && !queue.enabled)
    }
}

/// Returns the low (`select` 0) or high (1) half of `value`; zero for any other `select`.
fn select_dword(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

/// Replaces the low (`select` 0) or high (1) half of `value`; any other `select` changes nothing.
fn set_dword(value: &mut u64, select: u32, dword: u32) {
    match select {
        0 => *value = *value & !0xFFFF_FFFF | u64::from(dword),
        1 => *value = *value & 0xFFFF_FFFF | u64::from(dword) << 32,
        _ => {}
    }
}
