//! Events on the queues (VIRTIO 1.2, section 5.8.6), and actions that are sent as packets of events.

use crate::fields::Fields;

/// Size of `struct virtio_input_event` in bytes.
pub const EVENT_LEN: usize = 8;

// Types and codes of Linux's input-event-codes.h, which virtio-input adopts.
pub const EV_SYN: u16 = 0x00;
pub const EV_KEY: u16 = 0x01;
pub const EV_REL: u16 = 0x02;
pub const EV_ABS: u16 = 0x03;
pub const EV_LED: u16 = 0x11;
pub const EV_REP: u16 = 0x14;
pub const SYN_REPORT: u16 = 0x00;
pub const REL_X: u16 = 0x00;
pub const REL_Y: u16 = 0x01;
pub const REL_HWHEEL: u16 = 0x06;
pub const REL_WHEEL: u16 = 0x08;
pub const REL_WHEEL_HI_RES: u16 = 0x0B;
pub const REL_HWHEEL_HI_RES: u16 = 0x0C;
pub const ABS_X: u16 = 0x00;
pub const ABS_Y: u16 = 0x01;
pub const BTN_LEFT: u16 = 0x110;
pub const BTN_RIGHT: u16 = 0x111;
pub const BTN_MIDDLE: u16 = 0x112;
pub const BTN_SIDE: u16 = 0x113;
pub const BTN_EXTRA: u16 = 0x114;
/// Number of LEDs: num lock 0, caps lock 1 and scroll lock 2.
pub const LED_COUNT: u16 = 3;
/// Last key code of the keyboard; codes start at 1.
pub const LAST_KEY: u16 = 248;

/// High-resolution wheel units in one detent.
const DETENT: i32 = 120;

/// Event on the queues (`struct virtio_input_event`), with the types and codes of Linux's evdev.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Event type, EV_*.
    pub kind: u16,
    /// Code within the type, e.g. KEY_* or REL_*.
    pub code: u16,
    /// Value of the event: 1 for a pressed and 0 for a released key, a distance, or a position.
    pub value: i32,
}

impl Event {
    /// Encodes the event for the event queue.
    pub fn to_bytes(self) -> [u8; EVENT_LEN] {
        let [k0, k1] = self.kind.to_le_bytes();
        let [c0, c1] = self.code.to_le_bytes();
        let [v0, v1, v2, v3] = self.value.to_le_bytes();
        [k0, k1, c0, c1, v0, v1, v2, v3]
    }

    /// Parses an event of the status queue.
    pub fn parse(bytes: &[u8; EVENT_LEN]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (kind, code) = (fields.u16()?, fields.u16()?);
        Some(Self { kind, code, value: fields.u32()?.cast_signed() })
    }
}

/// Input action in evdev's terms, sent to the guest as one packet of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Press or release of a key or button (EV_KEY).
    Key { code: u16, down: bool },
    /// Absolute pointer position (EV_ABS), 0 to 32767 on either axis.
    Absolute { x: u16, y: u16 },
    /// Relative pointer motion in pixels (EV_REL).
    Relative { dx: i32, dy: i32 },
    /// Wheel motion in 120ths of a detent; right and down are positive.
    Wheel { dx: i32, dy: i32 },
}

/// Accumulator of high-resolution wheel motion that is not a whole detent yet.
#[derive(Debug, Default)]
pub struct WheelAccumulator {
    x: i32,
    y: i32,
}

impl Action {
    /// Returns the events of the action, with SYN_REPORT at the end.
    pub fn events(self, wheel: &mut WheelAccumulator) -> impl Iterator<Item = Event> + use<> {
        let event = |kind, code, value| Some(Event { kind, code, value });
        let moved = |kind, code, value| event(kind, code, value).filter(|event| event.value != 0);
        let mut events = [None; 5];
        match self {
            Self::Key { code, down } => events[0] = event(EV_KEY, code, i32::from(down)),
            Self::Absolute { x, y } => {
                events[0] = event(EV_ABS, ABS_X, i32::from(x));
                events[1] = event(EV_ABS, ABS_Y, i32::from(y));
            }
            Self::Relative { dx, dy } => {
                events[0] = moved(EV_REL, REL_X, dx);
                events[1] = moved(EV_REL, REL_Y, dy);
            }
            Self::Wheel { dx, dy } => {
                // Linux counts wheels upwards.
                let up = dy.saturating_neg();
                events[0] = moved(EV_REL, REL_WHEEL_HI_RES, up);
                events[1] = moved(EV_REL, REL_WHEEL, whole_detents(&mut wheel.y, up));
                events[2] = moved(EV_REL, REL_HWHEEL_HI_RES, dx);
                events[3] = moved(EV_REL, REL_HWHEEL, whole_detents(&mut wheel.x, dx));
            }
        }
        events[4] = event(EV_SYN, SYN_REPORT, 0);
        events.into_iter().flatten()
    }
}

/// Adds `turn` to `rest`, and removes and returns the whole detents. A change of direction discards `rest`,
/// so that the first detent back takes as much motion as any other.
fn whole_detents(rest: &mut i32, turn: i32) -> i32 {
    if rest.signum() * turn.signum() < 0 {
        *rest = 0;
    }
    let sum = rest.saturating_add(turn);
    *rest = sum % DETENT;
    sum / DETENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events_of(wheel: &mut WheelAccumulator, dx: i32, dy: i32) -> Vec<(u16, i32)> {
        let events = Action::Wheel { dx, dy }.events(wheel);
        events.filter(|event| event.kind == EV_REL).map(|event| (event.code, event.value)).collect()
    }

    #[test]
    fn fine_turns_add_up_to_detents() {
        let mut wheel = WheelAccumulator::default();
        assert_eq!(events_of(&mut wheel, 0, 50), [(REL_WHEEL_HI_RES, -50)]);
        assert_eq!(events_of(&mut wheel, 0, 80), [(REL_WHEEL_HI_RES, -80), (REL_WHEEL, -1)]);
        assert_eq!(events_of(&mut wheel, 0, -115), [(REL_WHEEL_HI_RES, 115)]);
        assert_eq!(events_of(&mut wheel, 0, -5), [(REL_WHEEL_HI_RES, 5), (REL_WHEEL, 1)]);
        assert_eq!(events_of(&mut wheel, 240, 0), [(REL_HWHEEL_HI_RES, 240), (REL_HWHEEL, 2)]);
    }
}
