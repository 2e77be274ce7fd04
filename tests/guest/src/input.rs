//! Keyboards, tablets and mice: virtio-input events as key presses and a pointer.

use alloc::vec::Vec;

use virtio_drivers::device::input::VirtIOInput;

use crate::memory::IdentityHal;
use crate::transport::MsixTransport;

// Event types and axes of Linux's input-event-codes.h, as virtio-input uses them.
const EV_KEY: u16 = 1;
const EV_REL: u16 = 2;
const EV_ABS: u16 = 3;
const AXIS_X: u16 = 0;
const AXIS_Y: u16 = 1;

/// The axis range of a tablet that does not tell its own.
const DEFAULT_RANGE: (u32, u32) = (0, 32767);

/// What happened.
pub enum Event {
    /// A key or button went down or up, by its evdev code.
    Key {
        /// Evdev code.
        code: u16,
        /// Whether it is down now.
        down: bool,
    },
    /// The pointer moved: see [`Input::pointer`].
    Moved,
}

struct Device {
    driver: VirtIOInput<IdentityHal, MsixTransport>,
    /// Smallest and largest value of each absolute axis.
    ranges: [(u32, u32); 2],
}

/// All input devices, and the pointer that they share.
pub struct Input {
    devices: Vec<Device>,
    size: (u32, u32),
    pointer: (u32, u32),
}

impl Input {
    /// Starts the devices. The pointer is in the middle of a desktop of this size.
    pub fn new(transports: Vec<MsixTransport>, size: (u32, u32)) -> Result<Self, virtio_drivers::Error> {
        let mut devices = Vec::with_capacity(transports.len());
        for transport in transports {
            let mut driver = VirtIOInput::new(transport)?;
            let ranges = [AXIS_X, AXIS_Y].map(|axis| match driver.abs_info(axis as u8) {
                Ok(info) if info.max > info.min => (info.min, info.max),
                _ => DEFAULT_RANGE,
            });
            devices.push(Device { driver, ranges });
        }
        Ok(Self { devices, size, pointer: (size.0 / 2, size.1 / 2) })
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// The whole desktop, of all screens, measures so much now.
    pub fn set_size(&mut self, size: (u32, u32)) {
        self.size = size;
        self.pointer = (self.pointer.0.min(size.0 - 1), self.pointer.1.min(size.1 - 1));
    }

    /// Where the pointer is on the whole desktop, in pixels.
    pub fn pointer(&self) -> (u32, u32) {
        self.pointer
    }

    /// Takes the next event, if there is one. A key that repeats is no event.
    pub fn next_event(&mut self) -> Option<Event> {
        let (width, height) = self.size;
        for device in &mut self.devices {
            while let Some(event) = device.driver.pop_pending_event() {
                let (x, y) = &mut self.pointer;
                match (event.event_type, event.code, event.value) {
                    (EV_KEY, code, value @ 0..=1) => return Some(Event::Key { code, down: value == 1 }),
                    (EV_ABS, AXIS_X, value) => *x = scale(value, device.ranges[0], width),
                    (EV_ABS, AXIS_Y, value) => *y = scale(value, device.ranges[1], height),
                    (EV_REL, AXIS_X, value) => *x = x.saturating_add_signed(value as i32).min(width - 1),
                    (EV_REL, AXIS_Y, value) => *y = y.saturating_add_signed(value as i32).min(height - 1),
                    _ => continue,
                }
                return Some(Event::Moved);
            }
        }
        None
    }
}

/// A value of an absolute axis as a pixel of a side.
fn scale(value: u32, (min, max): (u32, u32), side: u32) -> u32 {
    let offset = u64::from(value.clamp(min, max) - min);
    let range = u64::from(max - min);
    ((offset * u64::from(side - 1) + range / 2) / range) as u32
}
