//! Layout of BAR 0, and the PCI capabilities that describe the layout to the driver (virtio 1.2,
//! section 4.1.4). Constants named `VIRTIO_PCI_CAP_*` and `PCI_CAP_ID_*` are as in Linux.

use crate::pci::{ConfigSpace, MSIX_TABLE_ENTRY_SIZE, PciIdentity};

/// Size of BAR 0 in bytes.
pub const BAR_SIZE: u32 = 0x8000;
/// Bytes between the notification addresses of two queues, `notify_off_multiplier` of virtio 1.2,
/// section 4.1.4.4.
pub const NOTIFY_OFF_MULTIPLIER: u32 = 4;

/// Size of each region of BAR 0 in bytes: one page, so that no two regions share one.
const REGION_SIZE: u32 = 0x1000;
const COMMON: u32 = 0;
const ISR: u32 = REGION_SIZE;
const DEVICE: u32 = 2 * REGION_SIZE;
const NOTIFY: u32 = 3 * REGION_SIZE;
const MSIX_TABLE: u32 = 4 * REGION_SIZE;
const MSIX_PBA: u32 = 5 * REGION_SIZE;

/// PCI vendor ID of virtio devices (virtio 1.2, section 4.1.2).
const VIRTIO_VENDOR_ID: u16 = 0x1AF4;
/// PCI device ID of the virtio device ID 0; the ID of a modern device is this plus its virtio device ID.
const VIRTIO_DEVICE_ID_BASE: u16 = 0x1040;
const PCI_CAP_ID_VNDR: u8 = 9;
const PCI_CAP_ID_MSIX: u8 = 0x11;

const VIRTIO_PCI_CAP_COMMON_CFG: u8 = 1;
const VIRTIO_PCI_CAP_NOTIFY_CFG: u8 = 2;
const VIRTIO_PCI_CAP_ISR_CFG: u8 = 3;
const VIRTIO_PCI_CAP_DEVICE_CFG: u8 = 4;
const VIRTIO_PCI_CAP_PCI_CFG: u8 = 5;

/// Region of BAR 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// `virtio_pci_common_cfg` registers (section 4.1.4.3).
    Common,
    /// ISR status (section 4.1.4.5).
    Isr,
    /// Device-specific configuration (section 4.1.4.6).
    Device,
    /// Notification addresses of the queues (section 4.1.4.4).
    Notify,
    /// MSI-X table (PCI Local Bus 3.0, section 6.8.2).
    MsixTable,
    /// MSI-X pending bit array (PCI Local Bus 3.0, section 6.8.2).
    MsixPba,
}

/// Returns the region that contains byte `offset` of BAR 0, and the offset within the region; `None`
/// behind the last region.
pub fn region_at(offset: u64) -> Option<(Region, u64)> {
    let size = u64::from(REGION_SIZE);
    let region = match offset / size {
        0 => Region::Common,
        1 => Region::Isr,
        2 => Region::Device,
        3 => Region::Notify,
        4 => Region::MsixTable,
        5 => Region::MsixPba,
        _ => return None,
    };
    Some((region, offset % size))
}

/// Returns the offset into BAR 0 of the notification address of queue `index`.
pub fn notify_offset(index: usize) -> u64 {
    u64::from(NOTIFY) + u64::from(NOTIFY_OFF_MULTIPLIER) * index as u64
}

/// Offsets in configuration space of the registers whose writes have an effect beyond storage.
#[derive(Debug, Clone, Copy)]
pub struct CapabilityOffsets {
    /// Offset of the Message Control register of the MSI-X capability.
    pub msix_control: u64,
    /// Offset of `virtio_pci_cfg_cap`, through which a driver accesses BAR 0 without mapping the BAR.
    pub pci_cfg_cap: u64,
}

/// Builds the configuration space of a virtio function with all its capabilities, and returns the space
/// and the offsets of its active registers.
///
/// `device_id` is the virtio device ID, `class_code` the 24-bit PCI class code and `bar_address` the
/// initial guest physical address of BAR 0. `queues` also is the MSI-X table size field: the number of
/// vectors minus one.
pub fn config_space(
    device_id: u16,
    class_code: u32,
    queues: u16,
    bar_address: u32,
) -> (ConfigSpace, CapabilityOffsets) {
    let pci_device_id = VIRTIO_DEVICE_ID_BASE.saturating_add(device_id);
    let mut space = ConfigSpace::new(PciIdentity {
        vendor_id: VIRTIO_VENDOR_ID,
        device_id: pci_device_id,
        revision_id: 1,
        class_code,
        subsystem_vendor_id: VIRTIO_VENDOR_ID,
        subsystem_id: pci_device_id,
    });
    space.set_bar0(bar_address, BAR_SIZE);
    let notify_size = NOTIFY_OFF_MULTIPLIER * u32::from(queues.max(1));
    space.add_capability(
        PCI_CAP_ID_VNDR,
        &virtio_pci_cap(VIRTIO_PCI_CAP_COMMON_CFG, COMMON, REGION_SIZE, None),
        &[],
    );
    space.add_capability(
        PCI_CAP_ID_VNDR,
        &virtio_pci_cap(VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, notify_size, Some(NOTIFY_OFF_MULTIPLIER)),
        &[],
    );
    space.add_capability(PCI_CAP_ID_VNDR, &virtio_pci_cap(VIRTIO_PCI_CAP_ISR_CFG, ISR, 1, None), &[]);
    space.add_capability(
        PCI_CAP_ID_VNDR,
        &virtio_pci_cap(VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE, REGION_SIZE, None),
        &[],
    );
    // The driver sets bar, offset, length and data of the PCI configuration access capability.
    let mut pci_cfg_writable = [0u8; 18];
    pci_cfg_writable[2] = 0xFF;
    pci_cfg_writable[6..].fill(0xFF);
    let pci_cfg_cap = space.add_capability(
        PCI_CAP_ID_VNDR,
        &virtio_pci_cap(VIRTIO_PCI_CAP_PCI_CFG, 0, 0, Some(0)),
        &pci_cfg_writable,
    );
    let mut msix = queues.to_le_bytes().to_vec();
    msix.extend(MSIX_TABLE.to_le_bytes());
    msix.extend(MSIX_PBA.to_le_bytes());
    // Writable bits of Message Control: MSI-X Enable and Function Mask.
    let msix_cap = space.add_capability(PCI_CAP_ID_MSIX, &msix, &[0, 0xC0]);
    (space, CapabilityOffsets { msix_control: msix_cap as u64 + 2, pci_cfg_cap: pci_cfg_cap as u64 })
}

/// Builds `struct virtio_pci_cap` from its third byte (`cap_len`) on: the first two bytes are the
/// capability ID and next pointer. `extra` is `notify_off_multiplier` or `pci_cfg_data`.
fn virtio_pci_cap(cfg_type: u8, offset: u32, length: u32, extra: Option<u32>) -> Vec<u8> {
    let size: u8 = if extra.is_some() { 20 } else { 16 };
    let mut body = vec![size, cfg_type, 0, 0, 0, 0];
    body.extend(offset.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(extra.map(u32::to_le_bytes).into_iter().flatten());
    body
}

/// Returns the number of MSI-X vectors for `queues` queues and the configuration change notification,
/// at most what fits into the table's region (256).
pub fn vector_count(queues: u16) -> u16 {
    queues.saturating_add(1).min((u64::from(REGION_SIZE) / MSIX_TABLE_ENTRY_SIZE) as u16)
}
