//! Input device: event and status queue, configuration space and life cycle.

use super::event::{EV_LED, EVENT_LEN, Event, LED_COUNT, WheelAccumulator};
use super::profile::Profile;
use super::sender::InputSender;
use crate::counters::DeviceCounters;
use crate::device::{ActivateError, Activation, VirtioDevice};
use crate::fields::read_config_bytes;
use crate::queue::{Chain, DeviceQueue, RING_FEATURES};
use oriel_display::Monitors;
use oriel_display::input::InputId;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

const EVENT_QUEUE: u16 = 0;
const STATUS_QUEUE: u16 = 1;
const QUEUE_SIZES: [u16; 2] = [64, 64];

/// Maximum number of events processed of a status buffer; Linux sends one.
const MAX_STATUS_EVENTS: usize = 64;

/// Virtio-input device of a keyboard, tablet or mouse (VIRTIO 1.2, section 5.8).
pub struct InputDevice {
    profile: Profile,
    monitors: Arc<Monitors>,
    counters: Arc<DeviceCounters>,
    sender: InputSender,
    select: u8,
    subsel: u8,
    wheel: WheelAccumulator,
    leds: u8,
    /// Unsent events of the current packet; `outgoing_id` is the input that caused the packet.
    outgoing: VecDeque<Event>,
    outgoing_id: Option<InputId>,
    active: Option<Active>,
}

/// Queues of an activated device.
struct Active {
    events: DeviceQueue,
    status: DeviceQueue,
}

impl InputDevice {
    /// Creates a device with the capabilities of `profile`, without a driver.
    pub(super) fn new(
        profile: Profile,
        monitors: Arc<Monitors>,
        counters: Arc<DeviceCounters>,
    ) -> io::Result<Self> {
        Ok(Self {
            profile,
            monitors,
            sender: InputSender::new(counters.clone())?,
            counters,
            select: 0,
            subsel: 0,
            wheel: WheelAccumulator::default(),
            leds: 0,
            outgoing: VecDeque::new(),
            outgoing_id: None,
            active: None,
        })
    }

    /// Returns a handle that sends actions to this device.
    pub(super) fn sender(&self) -> InputSender {
        self.sender.clone()
    }

    /// Sends queued actions, as far as the driver has buffers. A packet may be sent in parts, since the guest
    /// acts on its SYN_REPORT only.
    fn process_event_queue(&mut self) {
        let Some(active) = &mut self.active else { return };
        let mut delivered = Vec::new();
        loop {
            let Some(event) = self.outgoing.front() else {
                let Some(packet) = self.sender.queue().pop() else { break };
                self.outgoing.extend(packet.action.events(&mut self.wheel));
                self.outgoing_id = packet.id;
                continue;
            };
            let Some(chain) = active.events.pop() else { break };
            if chain.write(0, &event.to_bytes()).is_err() {
                active.events.complete_malformed(chain);
                continue;
            }
            active.events.complete(chain, EVENT_LEN as u32);
            self.outgoing.pop_front();
            if self.outgoing.is_empty() {
                delivered.extend(self.outgoing_id.take());
            }
        }
        active.events.signal();
        for id in delivered {
            self.monitors.input_reached_guest(id);
        }
    }

    /// Applies the driver's LED events.
    fn process_status_queue(&mut self) {
        let Some(active) = &mut self.active else { return };
        let mut leds = self.leds;
        while let Some(chain) = active.status.pop() {
            match parse_leds(&chain, leds) {
                Some(parsed) => {
                    leds = parsed;
                    active.status.complete(chain, 0);
                }
                None => active.status.complete_malformed(chain),
            }
        }
        active.status.signal();
        self.set_leds(leds);
    }

    /// Reports changed LEDs of a keyboard.
    fn set_leds(&mut self, leds: u8) {
        if self.profile == Profile::Keyboard && leds != self.leds {
            self.leds = leds;
            self.monitors.set_leds(leds);
        }
    }
}

/// Returns the LED bits after the events in a status buffer; `None` if the buffer has no event.
fn parse_leds(chain: &Chain, mut leds: u8) -> Option<u8> {
    let count = (chain.readable_len() / EVENT_LEN).min(MAX_STATUS_EVENTS);
    if count == 0 {
        return None;
    }
    for i in 0..count {
        let mut bytes = [0; EVENT_LEN];
        chain.read(i * EVENT_LEN, &mut bytes).ok()?;
        let event = Event::parse(&bytes)?;
        if event.kind == EV_LED && event.code < LED_COUNT {
            let bit = 1 << event.code;
            leds = if event.value == 0 { leds & !bit } else { leds | bit };
        }
    }
    Some(leds)
}

impl VirtioDevice for InputDevice {
    fn device_id(&self) -> u16 {
        18
    }

    fn name(&self) -> &'static str {
        self.profile.name()
    }

    fn pci_class(&self) -> u32 {
        self.profile.pci_class()
    }

    fn features(&self) -> u64 {
        RING_FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        read_config_bytes(&self.profile.config(self.select, self.subsel), offset, data);
    }

    /// Writes the first two bytes, `select` and `subsel`; the other bytes are read-only.
    fn write_config(&mut self, offset: u64, data: &[u8]) {
        match (offset, data) {
            (0, [select, subsel, ..]) => (self.select, self.subsel) = (*select, *subsel),
            (0, [select]) => self.select = *select,
            (1, [subsel, ..]) => self.subsel = *subsel,
            _ => {}
        }
    }

    fn activate(&mut self, mut activation: Activation) -> Result<(), ActivateError> {
        let events = DeviceQueue::take(&mut activation, EVENT_QUEUE, &self.counters)?;
        let status = DeviceQueue::take(&mut activation, STATUS_QUEUE, &self.counters)?;
        self.active = Some(Active { events, status });
        self.sender.queue().open();
        self.process_event_queue();
        Ok(())
    }

    fn queue_notified(&mut self, index: u16) {
        match index {
            EVENT_QUEUE => self.process_event_queue(),
            STATUS_QUEUE => self.process_status_queue(),
            _ => {}
        }
    }

    fn event_fds(&self) -> Vec<RawFd> {
        vec![self.sender.as_raw_fd()]
    }

    fn event(&mut self, _token: usize) {
        self.sender.drain_event();
        self.process_event_queue();
    }

    fn reset(&mut self) {
        self.active = None;
        self.sender.queue().close();
        self.outgoing.clear();
        self.outgoing_id = None;
        self.wheel = WheelAccumulator::default();
        (self.select, self.subsel) = (0, 0);
        self.set_leds(0);
    }

    fn needs_reset(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.events.broken() || active.status.broken())
    }
}
