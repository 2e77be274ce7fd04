//! The PCI function in front of a virtio device.

use super::capabilities::{self, NOTIFY_MULTIPLIER, Offsets, Region};
use super::common_config::{CommonConfig, Effect, STATUS_NEEDS_RESET};
use super::core::Core;
use super::interrupt::VirtioInterrupt;
use crate::event_loop::Remote;
use crate::interrupts::InterruptManager;
use crate::pci::{ConfigSpace, PciFunction};
use oriel_virtio::{Activation, GuestRam, VirtioDevice};
use parking_lot::Mutex;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Offsets within the configuration window capability.
const WINDOW_OFFSET: u64 = 8;
const WINDOW_LENGTH: u64 = 12;
const WINDOW_DATA: u64 = 16;

struct Config {
    space: ConfigSpace,
    /// Where the doorbells are attached: the BAR's address.
    doorbells_at: Option<u64>,
}

/// One virtio device on the bus.
pub struct VirtioPci {
    core: Arc<Core>,
    ram: GuestRam,
    remote: Remote,
    interrupts: Arc<dyn InterruptManager>,
    interrupt: Arc<VirtioInterrupt>,
    pristine: ConfigSpace,
    offsets: Offsets,
    config: Mutex<Config>,
    common: Mutex<CommonConfig>,
}

impl VirtioPci {
    /// Bytes of the BAR; `bar` addresses must be multiples of it.
    pub const BAR_SIZE: u32 = capabilities::BAR_SIZE;

    /// Puts `device` behind a BAR at `bar`. [`Self::core`] is to be watched by the loop of `remote`.
    ///
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(
        device: Box<dyn VirtioDevice>,
        ram: GuestRam,
        remote: Remote,
        interrupts: Arc<dyn InterruptManager>,
        bar: u32,
    ) -> io::Result<Self> {
        let common = CommonConfig::new(device.features(), device.queue_sizes());
        let queues = u16::try_from(device.queue_sizes().len()).unwrap_or(0);
        let vectors = capabilities::vectors(queues);
        let (space, offsets) =
            capabilities::config_space(device.device_id(), device.pci_class(), vectors - 1, bar);
        let interrupt = Arc::new(VirtioInterrupt::new(interrupts.clone(), queues, vectors));
        Ok(Self {
            core: Core::new(Mutex::new(device), queues, interrupt.clone())?,
            ram,
            remote,
            interrupts,
            interrupt,
            pristine: space.clone(),
            offsets,
            config: Mutex::new(Config { space, doorbells_at: None }),
            common: Mutex::new(common),
        })
    }

    /// What the event loop watches.
    pub fn core(&self) -> Arc<Core> {
        self.core.clone()
    }

    /// Moves the doorbells to where the BAR is now.
    fn place_doorbells(&self, config: &mut Config) {
        let bar = config.space.bar0();
        if bar == config.doorbells_at {
            return;
        }
        for (index, bell) in self.core.doorbells().iter().enumerate() {
            let offset = capabilities::doorbell(index);
            if let Some(old) = config.doorbells_at {
                self.interrupts.detach_doorbell(old + offset, bell);
            }
            if let Some(new) = bar {
                self.interrupts.attach_doorbell(new + offset, bell);
            }
        }
        config.doorbells_at = bar;
    }

    /// The window's place in BAR 0 and its width, if the driver set one that can be.
    fn window(&self, space: &ConfigSpace) -> Option<(u64, usize)> {
        let field = |offset| {
            u32::from_le_bytes(space.read_dword(usize::try_from(self.offsets.window + offset).unwrap_or(0)))
        };
        let [bar, ..] = field(4).to_le_bytes();
        let length = usize::try_from(field(WINDOW_LENGTH)).ok()?;
        let offset = u64::from(field(WINDOW_OFFSET));
        (bar == 0 && matches!(length, 1 | 2 | 4)).then_some((offset, length))
    }

    fn window_data(&self) -> Range<u64> {
        let start = self.offsets.window + WINDOW_DATA;
        start..start + 4
    }

    fn perform(&self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Reset => self.reset_device(),
            Effect::Activate(features) => {
                let queues = self.common.lock().build_queues(&self.ram);
                match queues {
                    Ok(queues) => {
                        let memory = self.ram.clone();
                        let interrupt = self.interrupt.clone();
                        let activation = Activation { memory, queues, features, interrupt };
                        let core = self.core.clone();
                        let _ = self.remote.call(move || core.activate(activation));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a driver set up a queue that cannot be used");
                        self.core.demand_reset();
                    }
                }
            }
        }
    }

    fn reset_device(&self) {
        let core = self.core.clone();
        let _ = self.remote.call(move || core.reset());
        self.interrupt.reset();
        self.common.lock().reset();
    }
}

impl PciFunction for VirtioPci {
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let mut config = self.config.lock();
        let end = offset.saturating_add(data.len() as u64);
        let window_data = self.window_data();
        if offset < window_data.end
            && end > window_data.start
            && let Some((at, length)) = self.window(&config.space)
        {
            let mut value = [0; 4];
            if let Some(part) = value.get_mut(..length) {
                self.read_bar(at, part);
            }
            config.space.write(window_data.start, &value);
        }
        config.space.read(offset, data);
    }

    fn write_config(&self, offset: u64, data: &[u8]) {
        let end = offset.saturating_add(data.len() as u64);
        let touches = |range: Range<u64>| offset < range.end && end > range.start;
        let mut config = self.config.lock();
        config.space.write(offset, data);
        self.place_doorbells(&mut config);
        let control = self.offsets.msix_control;
        if touches(control..control + 2) {
            let [low, high, ..] = config.space.read_dword(usize::try_from(control).unwrap_or(0));
            self.interrupt.with_msix(|msix| msix.set_message_control(u16::from_le_bytes([low, high])));
        }
        let through_window = if touches(self.window_data()) { self.window(&config.space) } else { None };
        let value = config.space.read_dword(usize::try_from(self.window_data().start).unwrap_or(0));
        drop(config);
        if let Some((at, length)) = through_window
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
        let Some((region, at)) = capabilities::region(offset) else { return };
        match region {
            Region::Common => {
                let extra = if self.core.needs_reset() { STATUS_NEEDS_RESET } else { 0 };
                self.common.lock().read(at, data, &self.interrupt, extra);
            }
            Region::Isr => {
                if let (0, [first, ..]) = (at, data) {
                    *first = self.interrupt.take_isr();
                }
            }
            Region::Device => self.core.device().lock().read_config(at, data),
            Region::Notify => {}
            Region::MsixTable => self.interrupt.with_msix(|msix| {
                msix.read_table(at, data);
                Vec::new()
            }),
            Region::MsixPending => self.interrupt.with_msix(|msix| {
                msix.read_pba(at, data);
                Vec::new()
            }),
        }
    }

    fn write_bar(&self, offset: u64, data: &[u8]) {
        let Some((region, at)) = capabilities::region(offset) else { return };
        match region {
            Region::Common => {
                let effect = self.common.lock().write(at, data, &self.interrupt);
                self.perform(effect);
            }
            Region::Device => self.core.device().lock().write_config(at, data),
            Region::Notify => {
                let index = usize::try_from(at / u64::from(NOTIFY_MULTIPLIER)).unwrap_or(usize::MAX);
                if let Some(bell) = self.core.doorbells().get(index) {
                    let _ = bell.write(1);
                }
            }
            Region::MsixTable => self.interrupt.with_msix(|msix| msix.write_table(at, data)),
            Region::Isr | Region::MsixPending => {}
        }
    }

    fn reset(&self) {
        self.interrupt.with_msix(|msix| {
            msix.reset();
            Vec::new()
        });
        self.reset_device();
        let mut config = self.config.lock();
        // The doorbells of the VM before went with it.
        config.doorbells_at = None;
        config.space = self.pristine.clone();
        self.place_doorbells(&mut config);
    }
}
