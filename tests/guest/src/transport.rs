//! virtio over PCI with what the crate's transport leaves out: MSI-X, and
//! notifications that cost one access instead of three.

use virtio_drivers::Result;
use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction, PCI_CAP_ID_VNDR, PciRoot};
use virtio_drivers::transport::pci::{PciTransport, VirtioPciError};
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Hal, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::apic::Message;

const BAR0: u8 = 0x10;
const PCI_CAP_ID_MSIX: u8 = 0x11;
const MSIX_ENABLE: u32 = 1 << 31;
const MSIX_MASK_ALL: u32 = 1 << 30;
/// The entry of the MSI-X table that every queue uses.
const MSIX_QUEUES: u16 = 0;
/// And the one for changes of the configuration, where there are two.
const MSIX_CONFIG: u16 = 1;
const MSIX_ENTRY_LEN: usize = 16;

// Capability types and fields of virtio 1.3, section 4.1.4.
const CFG_COMMON: u8 = 1;
const CFG_NOTIFY: u8 = 2;
const CAP_BAR: u8 = 4;
const CAP_OFFSET: u8 = 8;
const CAP_NOTIFY_MULTIPLIER: u8 = 16;
const CONFIG_MSIX_VECTOR: usize = 0x10;
const QUEUE_SELECT: usize = 0x16;
const QUEUE_MSIX_VECTOR: usize = 0x1a;
const QUEUE_NOTIFY_OFF: usize = 0x1e;

/// Queues of the devices driven here; the others have fewer.
const QUEUES: usize = 2;

/// Registers of a device, in mapped memory.
#[derive(Clone, Copy, Default)]
struct Registers(usize);

impl Registers {
    fn read_u16(self, offset: usize) -> u16 {
        // SAFETY: addresses come from the device's capabilities and lie in its
        // BARs, which are mapped and which no Rust object shares.
        unsafe { core::ptr::with_exposed_provenance::<u16>(self.0 + offset).read_volatile() }
    }

    fn write_u16(self, offset: usize, value: u16) {
        // SAFETY: as for `read_u16`.
        unsafe { core::ptr::with_exposed_provenance_mut::<u16>(self.0 + offset).write_volatile(value) };
    }

    fn write_u32(self, offset: usize, value: u32) {
        // SAFETY: as for `read_u16`.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(self.0 + offset).write_volatile(value) };
    }
}

/// A virtio device on PCI.
pub struct MsixTransport {
    inner: PciTransport,
    common: Registers,
    notify: Registers,
    notify_multiplier: usize,
    /// Where each queue is notified.
    doorbells: [Registers; QUEUES],
    interrupts: bool,
    config_entry: u16,
}

impl MsixTransport {
    /// The device at a function whose BARs are in place. Its queues will interrupt
    /// by `message`, if there is one and the device has MSI-X.
    pub fn new<H: Hal, C: ConfigurationAccess + Copy>(
        root: &mut PciRoot<C>,
        access: C,
        function: DeviceFunction,
        message: Option<Message>,
    ) -> core::result::Result<Self, VirtioPciError> {
        let mut transport = Self {
            inner: PciTransport::new::<H, C>(root, function)?,
            common: Registers::default(),
            notify: Registers::default(),
            notify_multiplier: 0,
            doorbells: [Registers::default(); QUEUES],
            interrupts: false,
            config_entry: MSIX_QUEUES,
        };
        let read = |register| access.read_word(function, register);
        // The BARs are below 4 GiB, so their upper halves are zero.
        let region = |bar: u8, offset: u32| Registers(((read(BAR0 + 4 * bar) & !0xf) + offset) as usize);
        for capability in root.capabilities(function) {
            let at = capability.offset;
            match (capability.id, (capability.private_header >> 8) as u8) {
                (PCI_CAP_ID_VNDR, CFG_COMMON) => {
                    transport.common = region(read(at + CAP_BAR) as u8, read(at + CAP_OFFSET));
                }
                (PCI_CAP_ID_VNDR, CFG_NOTIFY) => {
                    transport.notify = region(read(at + CAP_BAR) as u8, read(at + CAP_OFFSET));
                    transport.notify_multiplier = read(at + CAP_NOTIFY_MULTIPLIER) as usize;
                }
                (PCI_CAP_ID_MSIX, _) => {
                    let Some(message) = message else { continue };
                    let table = read(at + 4);
                    let entries = region((table & 7) as u8, table & !7);
                    let control = (read(at) & !MSIX_MASK_ALL) | MSIX_ENABLE;
                    let mut access = access;
                    access.write_word(function, at, control);
                    let last = (control >> 16 & 0x7ff) as u16;
                    transport.config_entry = MSIX_CONFIG.min(last);
                    for (entry, data) in
                        [(transport.config_entry, message.config_data), (MSIX_QUEUES, message.data)]
                    {
                        let entry = Registers(entries.0 + usize::from(entry) * MSIX_ENTRY_LEN);
                        entry.write_u32(0, message.address as u32);
                        entry.write_u32(4, (message.address >> 32) as u32);
                        entry.write_u32(8, data);
                        entry.write_u32(12, 0);
                    }
                    transport.interrupts = true;
                }
                _ => {}
            }
        }
        Ok(transport)
    }

    /// Whether the device interrupts when it has used a buffer.
    pub fn has_interrupts(&self) -> bool {
        self.interrupts
    }
}

impl Transport for MsixTransport {
    fn notify(&mut self, queue: u16) {
        match self.doorbells.get(usize::from(queue)) {
            Some(doorbell) if doorbell.0 != 0 => doorbell.write_u16(0, queue),
            _ => self.inner.notify(queue),
        }
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        if self.interrupts {
            self.common.write_u16(CONFIG_MSIX_VECTOR, self.config_entry);
        }
        self.common.write_u16(QUEUE_SELECT, queue);
        if self.interrupts {
            self.common.write_u16(QUEUE_MSIX_VECTOR, MSIX_QUEUES);
        }
        let offset = usize::from(self.common.read_u16(QUEUE_NOTIFY_OFF)) * self.notify_multiplier;
        if let Some(doorbell) = self.doorbells.get_mut(usize::from(queue)) {
            *doorbell = Registers(self.notify.0 + offset);
        }
        self.inner.queue_set(queue, size, descriptors, driver_area, device_area);
    }

    fn device_type(&self) -> DeviceType {
        self.inner.device_type()
    }

    fn read_device_features(&mut self) -> u64 {
        self.inner.read_device_features()
    }

    fn write_driver_features(&mut self, driver_features: u64) {
        self.inner.write_driver_features(driver_features);
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.inner.max_queue_size(queue)
    }

    fn get_status(&self) -> DeviceStatus {
        self.inner.get_status()
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.inner.set_status(status);
    }

    fn set_guest_page_size(&mut self, guest_page_size: u32) {
        self.inner.set_guest_page_size(guest_page_size);
    }

    fn requires_legacy_layout(&self) -> bool {
        self.inner.requires_legacy_layout()
    }

    fn queue_unset(&mut self, queue: u16) {
        self.inner.queue_unset(queue);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.inner.queue_used(queue)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        self.inner.ack_interrupt()
    }

    fn read_config_generation(&self) -> u32 {
        self.inner.read_config_generation()
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        self.inner.read_config_space(offset)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) -> Result<()> {
        self.inner.write_config_space(offset, value)
    }
}
