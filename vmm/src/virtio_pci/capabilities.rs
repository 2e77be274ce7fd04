//! How BAR 0 is divided, and the capabilities that say so (virtio 1.2, section 4.1.4).

use crate::pci::{ConfigSpace, MSIX_TABLE_ENTRY_SIZE, PciIdentity};

/// Bytes of BAR 0.
pub const BAR_SIZE: u32 = 0x8000;
/// Bytes between the doorbells of two queues.
pub const NOTIFY_OFF_MULTIPLIER: u32 = 4;

const REGION_SIZE: u32 = 0x1000;
const COMMON: u32 = 0;
const ISR: u32 = REGION_SIZE;
const DEVICE: u32 = 2 * REGION_SIZE;
const NOTIFY: u32 = 3 * REGION_SIZE;
const MSIX_TABLE: u32 = 4 * REGION_SIZE;
const MSIX_PBA: u32 = 5 * REGION_SIZE;

const VIRTIO_VENDOR_ID: u16 = 0x1AF4;
const VIRTIO_DEVICE_ID_BASE: u16 = 0x1040;
const PCI_CAP_ID_VNDR: u8 = 9;
const PCI_CAP_ID_MSIX: u8 = 0x11;

const VIRTIO_PCI_CAP_COMMON_CFG: u8 = 1;
const VIRTIO_PCI_CAP_NOTIFY_CFG: u8 = 2;
const VIRTIO_PCI_CAP_ISR_CFG: u8 = 3;
const VIRTIO_PCI_CAP_DEVICE_CFG: u8 = 4;
const VIRTIO_PCI_CAP_PCI_CFG: u8 = 5;

/// A part of BAR 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// `virtio_pci_common_cfg`.
    Common,
    /// Interrupt status.
    Isr,
    /// Device-specific configuration.
    Device,
    /// Doorbells.
    Notify,
    /// MSI-X table.
    MsixTable,
    /// MSI-X pending bits.
    MsixPba,
}

/// Which part an offset into BAR 0 belongs to, and the offset into that part.
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

/// The doorbell of queue `index` as an offset into BAR 0.
pub fn notify_offset(index: usize) -> u64 {
    u64::from(NOTIFY) + u64::from(NOTIFY_OFF_MULTIPLIER) * index as u64
}

/// Where in configuration space the capabilities that act lie.
#[derive(Debug, Clone, Copy)]
pub struct CapabilityOffsets {
    /// MSI-X message control.
    pub msix_control: u64,
    /// The window into BAR 0: its bar, offset, length and data fields follow.
    pub pci_cfg_cap: u64,
}

/// A function's configuration space with all its capabilities.
pub fn config_space(
    device_id: u16,
    class: u32,
    queues: u16,
    bar_address: u32,
) -> (ConfigSpace, CapabilityOffsets) {
    let id = VIRTIO_DEVICE_ID_BASE.saturating_add(device_id);
    let mut space = ConfigSpace::new(PciIdentity {
        vendor_id: VIRTIO_VENDOR_ID,
        device_id: id,
        revision_id: 1,
        class_code: class,
        subsystem_vendor_id: VIRTIO_VENDOR_ID,
        subsystem_id: id,
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
    let msix = space.add_capability(PCI_CAP_ID_MSIX, &msix, &[0, 0xC0]);
    (space, CapabilityOffsets { msix_control: msix as u64 + 2, pci_cfg_cap: pci_cfg_cap as u64 })
}

/// `virtio_pci_cap` without its first two bytes, and the word that some kinds add.
fn virtio_pci_cap(cfg_type: u8, offset: u32, length: u32, extra: Option<u32>) -> Vec<u8> {
    let size: u8 = if extra.is_some() { 20 } else { 16 };
    let mut body = vec![size, cfg_type, 0, 0, 0, 0];
    body.extend(offset.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(extra.map(u32::to_le_bytes).into_iter().flatten());
    body
}

/// Vectors for `queues` queues and the configuration; the table fits its size.
pub fn vector_count(queues: u16) -> u16 {
    queues.saturating_add(1).min((u64::from(REGION_SIZE) / MSIX_TABLE_ENTRY_SIZE) as u16)
}
