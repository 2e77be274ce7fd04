//! virtio-input: the three devices of a desktop, with input events of viewers while the guest performs its
//! script.

use crate::Guest;
use oriel_display::Monitors;
use oriel_display::input::{InputId, InputSink};
use oriel_virtio::{DeviceCounters, InputDevices};
use oriel_wire::{Button, InputEvent, Size};
use std::sync::Arc;

/// Decodes an input event.
fn event(bytes: &[u8]) -> Option<InputEvent> {
    let [kind, a, b, c, d, ..] = *bytes else { return None };
    let (x, y) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    Some(match kind % 5 {
        0 => InputEvent::Key { code: x, down: y & 1 == 1 },
        1 => InputEvent::PointerTo { x, y },
        2 => InputEvent::PointerBy { dx: x as i16, dy: y as i16 },
        3 => InputEvent::Wheel { dx: x as i16, dy: y as i16 },
        _ => InputEvent::Button { button: Button::Right, down: y & 1 == 1 },
    })
}

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let monitors = Monitors::new(1, Size::new(1024, 768));
    let Ok(devices) = InputDevices::new(&monitors, &Arc::new(DeviceCounters::default())) else { return };
    let mut device = match script.first().map_or(0, |byte| byte % 3) {
        0 => devices.keyboard,
        1 => devices.tablet,
        _ => devices.mouse,
    };
    let mut guest = Guest::new(&mut device);
    guest.perform(&mut device, script.get(1..).unwrap_or_default(), |host| {
        if let Some(event) = event(host) {
            devices.router.input(event, InputId { viewer: 1, seq: 1 });
        }
    });
}
