//! The device as the transport sees it: configuration, queues, events.

use super::control::Graphics;
use super::pacing::Pace;
use super::resizer::Resizer;
use crate::counters::Counters;
use crate::device::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
use crate::fields::{Fields, read_config_bytes};
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use crate::timer::Timer;
use oriel_display::{MonitorConfig, Monitors, Size};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

const CONTROL_QUEUE: u16 = 0;
const CURSOR_QUEUE: u16 = 1;
const QUEUE_SIZES: [u16; 2] = [256, 16];

/// VIRTIO_GPU_F_EDID and VIRTIO_GPU_F_RESOURCE_BLOB.
const FEATURES: u64 = 1 << 1 | 1 << 3;
/// VIRTIO_GPU_EVENT_DISPLAY.
const EVENT_DISPLAY: u32 = 1 << 0;
/// Offset of `events_clear` in the configuration.
const EVENTS_CLEAR: u64 = 4;

const TIMER_TOKEN: usize = 0;
const RESIZE_TOKEN: usize = 1;

/// A graphics device with a scanout for every screen of a desktop.
pub struct Gpu {
    graphics: Graphics,
    resizer: Resizer,
    timer: Timer,
    pace: Pace,
    events: u32,
    active: Option<Active>,
    counters: Arc<Counters>,
}

struct Active {
    memory: GuestRam,
    interrupt: Arc<dyn Interrupt>,
    control: DeviceQueue,
    cursor: DeviceQueue,
    /// Flushes done and not yet answered, with the length of their answers.
    held: Vec<(Chain, u32)>,
}

impl Gpu {
    /// A device that shows on the screens of `monitors` and asks the guest for a first one of `size`.
    ///
    /// # Errors
    /// The host's, when it runs out of descriptors.
    pub fn new(monitors: Arc<Monitors>, size: Size, counters: Arc<Counters>) -> io::Result<Self> {
        Ok(Self {
            graphics: Graphics::new(monitors, MonitorConfig::of(size), counters.clone()),
            resizer: Resizer::new()?,
            timer: Timer::new()?,
            pace: Pace::default(),
            events: 0,
            active: None,
            counters,
        })
    }

    /// The handle that asks the guest for other screens.
    pub fn resizer(&self) -> Resizer {
        self.resizer.clone()
    }

    fn serve_control(&mut self) {
        let Some(active) = &mut self.active else { return };
        while let Some(chain) = active.control.pop() {
            let Some(answer) = self.graphics.control(&active.memory, &chain) else {
                active.control.complete_malformed(chain);
                continue;
            };
            let written = write_answer(&chain, &answer.bytes);
            // A driver cannot have more chains out than its ring has places, unless it lies.
            let may_wait = active.held.len() < usize::from(active.control.size());
            let wait = if answer.paces_guest { self.pace.flush(Instant::now()) } else { None };
            match wait {
                Some(wait) if may_wait => {
                    if active.held.is_empty() {
                        self.timer.arm(wait);
                    }
                    active.held.push((chain, written));
                }
                _ => active.control.complete(chain, written),
            }
        }
        active.control.signal();
    }

    fn serve_cursor(&mut self) {
        let Some(active) = &mut self.active else { return };
        while let Some(chain) = active.cursor.pop() {
            match self.graphics.cursor(&chain) {
                Some(answer) => {
                    let written = write_answer(&chain, &answer);
                    active.cursor.complete(chain, written);
                }
                None => active.cursor.complete_malformed(chain),
            }
        }
        active.cursor.signal();
    }

    fn answer_held(&mut self) {
        self.timer.drain();
        let Some(active) = self.active.as_mut().filter(|active| !active.held.is_empty()) else { return };
        self.pace.answered(Instant::now());
        for (chain, written) in active.held.drain(..) {
            active.control.complete(chain, written);
        }
        active.control.signal();
    }

    fn apply_resize(&mut self) {
        let Some(screens) = self.resizer.take() else { return };
        for (n, scanout) in self.graphics.scanouts.iter_mut().enumerate() {
            scanout.preferred = screens.get(n).copied().flatten();
        }
        self.events |= EVENT_DISPLAY;
        if let Some(active) = &self.active {
            active.interrupt.signal_config_changed();
        }
    }
}

/// Writes as much of an answer as the driver left room for (Linux leaves none for cursor commands).
fn write_answer(chain: &Chain, answer: &[u8]) -> u32 {
    let fits = answer.get(..chain.writable_len()).unwrap_or(answer);
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

    /// `struct virtio_gpu_config`: events_read, events_clear, num_scanouts, num_capsets.
    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let fields = [self.events, 0, self.graphics.scanouts.len() as u32, 0];
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
        self.active = Some(Active { memory, interrupt, control, cursor, held: Vec::new() });
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        match index {
            CONTROL_QUEUE => self.serve_control(),
            CURSOR_QUEUE => self.serve_cursor(),
            _ => {}
        }
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.timer.as_raw_fd(), self.resizer.as_raw_fd()]
    }

    fn event(&mut self, token: usize) {
        match token {
            TIMER_TOKEN => self.answer_held(),
            RESIZE_TOKEN => self.apply_resize(),
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.active = None;
        self.events = 0;
        self.graphics.reset();
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.control.broken() || active.cursor.broken())
    }
}
