//! Graphics device: configuration space, queues and life cycle.

use super::commands::CommandHandler;
use super::display_info::GpuControl;
use super::pacing::FlushPacer;
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
use crate::fields::{Fields, read_config_bytes};
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use crate::timer::Timer;
use oriel_display::Monitors;
use oriel_wire::{MonitorConfig, Size};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

const CONTROL_QUEUE: u16 = 0;
const CURSOR_QUEUE: u16 = 1;
const QUEUE_SIZES: [u16; 2] = [256, 16];

/// Feature bits VIRTIO_GPU_F_EDID and VIRTIO_GPU_F_RESOURCE_BLOB.
const FEATURES: u64 = 1 << 1 | 1 << 3;
/// Bit VIRTIO_GPU_EVENT_DISPLAY of `events_read`.
const EVENT_DISPLAY: u32 = 1 << 0;
/// Offset of `events_clear` in the configuration.
const EVENTS_CLEAR: u64 = 4;

/// Event token of the timer for delayed flushes.
const TIMER_TOKEN: usize = 0;
/// Event token of the display control.
const MONITORS_TOKEN: usize = 1;

/// Virtio-gpu device with a scanout for every screen of a desktop (VIRTIO 1.2, section 5.7).
pub struct Gpu {
    commands: CommandHandler,
    display_control: GpuControl,
    timer: Timer,
    pacer: FlushPacer,
    events: u32,
    active: Option<Active>,
    counters: Arc<DeviceCounters>,
}

/// State of an activated device.
struct Active {
    memory: GuestRam,
    interrupt: Arc<dyn Interrupt>,
    control: DeviceQueue,
    cursor: DeviceQueue,
    /// Chains of executed flushes whose responses are delayed, with the length of each response.
    delayed: Vec<(Chain, u32)>,
}

impl Gpu {
    /// Creates a device that displays on the screens of `monitors`. The display info has one monitor of
    /// `size`.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(monitors: Arc<Monitors>, size: Size, counters: Arc<DeviceCounters>) -> io::Result<Self> {
        Ok(Self {
            commands: CommandHandler::new(monitors, MonitorConfig::of(size), counters.clone()),
            display_control: GpuControl::new()?,
            timer: Timer::new()?,
            pacer: FlushPacer::default(),
            events: 0,
            active: None,
            counters,
        })
    }

    /// Returns a handle that sets the monitors in the display info.
    pub fn control(&self) -> GpuControl {
        self.display_control.clone()
    }

    /// Executes control commands; responses of paced flushes may be delayed.
    fn process_control_queue(&mut self) {
        let Some(active) = &mut self.active else { return };
        while let Some(chain) = active.control.pop() {
            let Some(response) = self.commands.control(&active.memory, &chain) else {
                active.control.complete_malformed(chain);
                continue;
            };
            let written = write_response(&chain, &response.bytes);
            // A well-behaved driver has no more chains in flight than its queue has descriptors.
            let may_wait = active.delayed.len() < usize::from(active.control.size());
            let wait = if response.is_paced_flush { self.pacer.flush(Instant::now()) } else { None };
            match wait {
                Some(wait) if may_wait => {
                    if active.delayed.is_empty() {
                        self.timer.arm(wait);
                    }
                    active.delayed.push((chain, written));
                }
                _ => active.control.complete(chain, written),
            }
        }
        active.control.signal();
    }

    /// Executes cursor commands.
    fn process_cursor_queue(&mut self) {
        let Some(active) = &mut self.active else { return };
        while let Some(chain) = active.cursor.pop() {
            match self.commands.cursor(&chain) {
                Some(response) => {
                    let written = write_response(&chain, &response);
                    active.cursor.complete(chain, written);
                }
                None => active.cursor.complete_malformed(chain),
            }
        }
        active.cursor.signal();
    }

    /// Sends the delayed responses.
    fn complete_delayed(&mut self) {
        self.timer.drain();
        let Some(active) = self.active.as_mut().filter(|active| !active.delayed.is_empty()) else { return };
        self.pacer.completed(Instant::now());
        for (chain, written) in active.delayed.drain(..) {
            active.control.complete(chain, written);
        }
        active.control.signal();
    }

    /// Applies the monitors that the host set, and notifies the driver.
    fn apply_monitors(&mut self) {
        let Some(screens) = self.display_control.take() else { return };
        for (n, scanout) in self.commands.scanouts.iter_mut().enumerate() {
            scanout.preferred = screens.get(n).copied().flatten();
        }
        self.events |= EVENT_DISPLAY;
        if let Some(active) = &self.active {
            active.interrupt.signal_config_changed();
        }
    }
}

/// Writes the part of a response that fits; Linux has no buffers for responses to cursor commands.
fn write_response(chain: &Chain, response: &[u8]) -> u32 {
    let fits = response.get(..chain.writable_len()).unwrap_or(response);
    match chain.write(0, fits) {
        Ok(()) => fits.len() as u32,
        Err(_) => 0,
    }
}

impl VirtioDevice for Gpu {
    fn device_id(&self) -> u16 {
        16
    }

    fn name(&self) -> &'static str {
        "gpu"
    }

    fn pci_class(&self) -> u32 {
        0x03_80_00
    }

    fn features(&self) -> u64 {
        FEATURES | RING_FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    /// Reads `struct virtio_gpu_config`: events_read, events_clear, num_scanouts, num_capsets.
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let fields = [self.events, 0, self.commands.scanouts.len() as u32, 0];
        read_config_bytes(fields.map(u32::to_le_bytes).as_flattened(), offset, data);
    }

    fn write_config(&mut self, offset: u64, data: &[u8]) {
        if let (EVENTS_CLEAR, Some(clear)) = (offset, Fields(data).u32()) {
            self.events &= !clear;
        }
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let control = DeviceQueue::take(&mut activation, CONTROL_QUEUE, &self.counters)?;
        let cursor = DeviceQueue::take(&mut activation, CURSOR_QUEUE, &self.counters)?;
        let Activation { memory, interrupt, .. } = activation;
        self.active = Some(Active { memory, interrupt, control, cursor, delayed: Vec::new() });
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        match index {
            CONTROL_QUEUE => self.process_control_queue(),
            CURSOR_QUEUE => self.process_cursor_queue(),
            _ => {}
        }
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.timer.as_raw_fd(), self.display_control.as_raw_fd()]
    }

    fn event(&mut self, token: usize) {
        match token {
            TIMER_TOKEN => self.complete_delayed(),
            MONITORS_TOKEN => self.apply_monitors(),
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.active = None;
        self.events = 0;
        self.commands.reset();
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.control.broken() || active.cursor.broken())
    }
}
