//! PCI function of a virtio device: routes the driver's accesses to configuration space and BAR 0 to the
//! registers, the interrupt state and the device.

use super::capabilities::{self, CapabilityOffsets, NOTIFY_OFF_MULTIPLIER, Region};
use super::common_config::{CommonConfig, STATUS_NEEDS_RESET, StatusChange};
use super::device_handler::DeviceHandler;
use super::interrupt::VirtioInterrupt;
use crate::event_loop::Remote;
use crate::interrupts::InterruptManager;
use crate::pci::{ConfigSpace, PciFunction};
use oriel_virtio::{Activation, GuestRam, VirtioDevice};
use parking_lot::Mutex;
use std::io;
use std::ops::Range;
use std::sync::Arc;

// Offsets of fields in `virtio_pci_cfg_cap`.
const CAP_BAR: u64 = 4;
const CAP_OFFSET: u64 = 8;
const CAP_LENGTH: u64 = 12;
const PCI_CFG_DATA: u64 = 16;

/// Configuration space and the state that depends on it.
struct PciConfigState {
    space: ConfigSpace,
    /// Address of BAR 0 for which the doorbells are registered as ioeventfds; `None` if they are not.
    ioeventfd_base: Option<u64>,
}

/// PCI function in front of one virtio device. BAR 0 contains all register regions and the MSI-X table.
pub struct VirtioPci {
    device_handler: Arc<DeviceHandler>,
    ram: GuestRam,
    remote: Remote,
    interrupt_manager: Arc<dyn InterruptManager>,
    interrupt: Arc<VirtioInterrupt>,
    /// Configuration space as at power-on, restored by a machine reset.
    power_on_space: ConfigSpace,
    offsets: CapabilityOffsets,
    config: Mutex<PciConfigState>,
    common: Mutex<CommonConfig>,
}

impl VirtioPci {
    /// Size of BAR 0 in bytes; the address of the BAR must be a multiple of the size.
    pub const BAR_SIZE: u32 = capabilities::BAR_SIZE;

    /// Creates the function of `device` with BAR 0 at guest physical address `bar_address`. The event loop of
    /// `remote` must watch [`Self::device_handler`], because activation and reset run on its thread.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(
        device: Box<dyn VirtioDevice>,
        ram: GuestRam,
        remote: Remote,
        interrupt_manager: Arc<dyn InterruptManager>,
        bar_address: u32,
    ) -> io::Result<Self> {
        let common = CommonConfig::new(device.features(), device.queue_sizes());
        let queues = u16::try_from(device.queue_sizes().len()).unwrap_or(0);
        let vectors = capabilities::vector_count(queues);
        let (space, offsets) =
            capabilities::config_space(device.device_id(), device.pci_class(), vectors - 1, bar_address);
        let interrupt = Arc::new(VirtioInterrupt::new(interrupt_manager.clone(), queues, vectors));
        Ok(Self {
            device_handler: DeviceHandler::new(Mutex::new(device), queues, interrupt.clone())?,
            ram,
            remote,
            interrupt_manager,
            interrupt,
            power_on_space: space.clone(),
            offsets,
            config: Mutex::new(PciConfigState { space, ioeventfd_base: None }),
            common: Mutex::new(common),
        })
    }

    /// Returns the device's handler, to be watched by the event loop.
    pub fn device_handler(&self) -> Arc<DeviceHandler> {
        self.device_handler.clone()
    }

    /// Registers the doorbells as ioeventfds at the present address of BAR 0, after a change of the address
    /// or of memory decoding.
    fn update_ioeventfds(&self, config: &mut PciConfigState) {
        let bar = config.space.bar0();
        if bar == config.ioeventfd_base {
            return;
        }
        for (index, doorbell) in self.device_handler.doorbells().iter().enumerate() {
            let offset = capabilities::notify_offset(index);
            if let Some(old) = config.ioeventfd_base {
                self.interrupt_manager.detach_doorbell(old + offset, doorbell);
            }
            if let Some(new) = bar {
                self.interrupt_manager.attach_doorbell(new + offset, doorbell);
            }
        }
        config.ioeventfd_base = bar;
    }

    /// Returns offset into BAR 0 and width in bytes of the access that the driver set up in
    /// `virtio_pci_cfg_cap`; `None` for another BAR or a width other than 1, 2 or 4.
    fn pci_cfg_access(&self, space: &ConfigSpace) -> Option<(u64, usize)> {
        let field = |offset| {
            u32::from_le_bytes(
                space.read_dword(usize::try_from(self.offsets.pci_cfg_cap + offset).unwrap_or(0)),
            )
        };
        let [bar, ..] = field(CAP_BAR).to_le_bytes();
        let length = usize::try_from(field(CAP_LENGTH)).ok()?;
        let offset = u64::from(field(CAP_OFFSET));
        (bar == 0 && matches!(length, 1 | 2 | 4)).then_some((offset, length))
    }

    /// Returns the range of `pci_cfg_data` in configuration space.
    fn pci_cfg_data(&self) -> Range<u64> {
        let start = self.offsets.pci_cfg_cap + PCI_CFG_DATA;
        start..start + 4
    }

    /// Applies the consequence of a status write to the device, on the event loop's thread.
    fn apply(&self, change: StatusChange) {
        match change {
            StatusChange::None => {}
            StatusChange::Reset => self.reset_device(),
            StatusChange::Activate(features) => {
                let queues = self.common.lock().build_queues(&self.ram);
                match queues {
                    Ok(queues) => {
                        let memory = self.ram.clone();
                        let interrupt = self.interrupt.clone();
                        let activation = Activation { memory, queues, features, interrupt };
                        let device_handler = self.device_handler.clone();
                        let _ = self.remote.call(move || device_handler.activate(activation));
                    }
                    Err(error) => {
                        oriel_vmm_api::log_limited!(warn, %error, "a queue is invalid; the driver has to reset the device");
                        self.device_handler.set_needs_reset();
                    }
                }
            }
        }
    }

    /// Resets device, vectors and registers, as the driver requests by status 0.
    fn reset_device(&self) {
        let device_handler = self.device_handler.clone();
        let _ = self.remote.call(move || device_handler.reset());
        self.interrupt.reset();
        self.common.lock().reset();
    }
}

impl PciFunction for VirtioPci {
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let mut config = self.config.lock();
        let end = offset.saturating_add(data.len() as u64);
        let pci_cfg_data = self.pci_cfg_data();
        if offset < pci_cfg_data.end
            && end > pci_cfg_data.start
            && let Some((at, length)) = self.pci_cfg_access(&config.space)
        {
            let mut value = [0; 4];
            if let Some(part) = value.get_mut(..length) {
                self.read_bar(at, part);
            }
            config.space.write(pci_cfg_data.start, &value);
        }
        config.space.read(offset, data);
    }

    fn write_config(&self, offset: u64, data: &[u8]) {
        let end = offset.saturating_add(data.len() as u64);
        let touches = |range: Range<u64>| offset < range.end && end > range.start;
        let mut config = self.config.lock();
        config.space.write(offset, data);
        self.update_ioeventfds(&mut config);
        let control = self.offsets.msix_control;
        if touches(control..control + 2) {
            let [low, high, ..] = config.space.read_dword(usize::try_from(control).unwrap_or(0));
            self.interrupt.with_msix(|msix| msix.set_message_control(u16::from_le_bytes([low, high])));
        }
        let pci_cfg_access =
            if touches(self.pci_cfg_data()) { self.pci_cfg_access(&config.space) } else { None };
        let value = config.space.read_dword(usize::try_from(self.pci_cfg_data().start).unwrap_or(0));
        drop(config);
        if let Some((at, length)) = pci_cfg_access
            && let Some(part) = value.get(..length)
        {
            self.write_bar(at, part);
        }
    }

    fn bar(&self) -> Option<Range<u64>> {
        let start = self.config.lock().space.bar0()?;
        Some(start..start + u64::from(Self::BAR_SIZE))
    }

    fn read_bar(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let Some((region, at)) = capabilities::region_at(offset) else { return };
        match region {
            Region::Common => {
                let extra = if self.device_handler.needs_reset() { STATUS_NEEDS_RESET } else { 0 };
                self.common.lock().read(at, data, &self.interrupt, extra);
            }
            Region::Isr => {
                if let (0, [first, ..]) = (at, data) {
                    *first = self.interrupt.read_isr();
                }
            }
            Region::Device => self.device_handler.device().lock().read_config(at, data),
            Region::Notify => {}
            Region::MsixTable => self.interrupt.with_msix(|msix| {
                msix.read_table(at, data);
                Vec::new()
            }),
            Region::MsixPba => self.interrupt.with_msix(|msix| {
                msix.read_pba(at, data);
                Vec::new()
            }),
        }
    }

    fn write_bar(&self, offset: u64, data: &[u8]) {
        let Some((region, at)) = capabilities::region_at(offset) else { return };
        match region {
            Region::Common => {
                let change = self.common.lock().write(at, data, &self.interrupt);
                self.apply(change);
            }
            Region::Device => self.device_handler.device().lock().write_config(at, data),
            Region::Notify => {
                let index = usize::try_from(at / u64::from(NOTIFY_OFF_MULTIPLIER)).unwrap_or(usize::MAX);
                if let Some(doorbell) = self.device_handler.doorbells().get(index) {
                    let _ = doorbell.write(1);
                }
            }
            Region::MsixTable => self.interrupt.with_msix(|msix| msix.write_table(at, data)),
            Region::Isr | Region::MsixPba => {}
        }
    }

    fn reset(&self) {
        self.interrupt.with_msix(|msix| {
            msix.reset();
            Vec::new()
        });
        self.reset_device();
        let mut config = self.config.lock();
        // The ioeventfds of the previous VM closed with its file descriptor.
        config.ioeventfd_base = None;
        config.space = self.power_on_space.clone();
        self.update_ioeventfds(&mut config);
    }
}
