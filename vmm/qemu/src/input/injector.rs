//! Execution of queued input events: keys and buttons over D-Bus, pointer motions over QMP.

use super::keycodes::qnum;
use super::queue::InputQueue;
use crate::counters::{Counters, count};
use crate::dbus::{Console, MouseButton};
use crate::error::CommandError;
use crate::qmp::{Axis, Command, InputEvent as QmpInput, Qmp};
use oriel_display::Monitors;
use oriel_wire::{Button, InputEvent};

/// Maximum number of wheel clicks that one event causes.
const MAX_CLICKS: i32 = 30;
/// Wheel units per click.
const UNITS_PER_CLICK: i32 = 120;

/// Sends the events of `queue` to QEMU until the queue ends. QEMU answers each event before the next is sent,
/// so that events on different connections stay in order.
pub(crate) fn inject_events(
    queue: &InputQueue,
    console: Console,
    qmp: Qmp,
    monitors: &Monitors,
    counters: &Counters,
) {
    let mut injector = InputInjector {
        console,
        qmp,
        across: WheelAccumulator::default(),
        down: WheelAccumulator::default(),
    };
    while let Some((event, id)) = queue.next() {
        match injector.inject(event) {
            Ok(()) => {
                count(&counters.inputs);
                monitors.input_reached_guest(id);
            }
            Err(CommandError::Ended) => return,
            Err(error) => {
                count(&counters.inputs_refused);
                oriel_vmm_api::log_limited!(debug, %error, ?event, "QEMU did not take an input");
            }
        }
    }
}

/// Connections to QEMU, and the fractions of wheel clicks that are not sent yet.
struct InputInjector {
    console: Console,
    qmp: Qmp,
    across: WheelAccumulator,
    down: WheelAccumulator,
}

impl InputInjector {
    /// Sends one event to QEMU and waits for the answer.
    fn inject(&mut self, event: InputEvent) -> Result<(), CommandError> {
        match event {
            InputEvent::Key { code, down } => {
                let qnum = qnum(code)
                    .ok_or_else(|| CommandError::Refused(format!("no guest keyboard has key {code}")))?;
                self.console.key(qnum, down)
            }
            InputEvent::Button { button, down } => self.console.button(mouse_button(button), down),
            // Over D-Bus a pointer is either absolute or relative, depending on which device the guest activated
            // last, and places are rounded to pixels. QMP reaches both devices and takes fractions.
            InputEvent::PointerTo { x, y } => self.point([
                QmpInput::Abs { axis: Axis::X, value: absolute_position(x) },
                QmpInput::Abs { axis: Axis::Y, value: absolute_position(y) },
            ]),
            InputEvent::PointerBy { dx, dy } => self.point([
                QmpInput::Rel { axis: Axis::X, value: i32::from(dx) },
                QmpInput::Rel { axis: Axis::Y, value: i32::from(dy) },
            ]),
            InputEvent::Wheel { dx, dy } => {
                let (across, down) = (self.across.add(dx), self.down.add(dy));
                self.press_wheel(down, MouseButton::WheelUp, MouseButton::WheelDown)?;
                self.press_wheel(across, MouseButton::WheelLeft, MouseButton::WheelRight)
            }
        }
    }

    /// Sends a pointer motion on both axes.
    fn point(&self, events: [QmpInput; 2]) -> Result<(), CommandError> {
        self.qmp.execute(&Command::InputSendEvent { events: events.to_vec() }).map(drop)
    }

    /// Presses a wheel's button once per click, as QEMU represents wheels. The sign of `clicks` chooses the
    /// button.
    fn press_wheel(
        &self,
        clicks: i32,
        negative: MouseButton,
        positive: MouseButton,
    ) -> Result<(), CommandError> {
        let button = if clicks < 0 { negative } else { positive };
        for _ in 0..clicks.abs() {
            self.console.button(button, true)?;
            self.console.button(button, false)?;
        }
        Ok(())
    }
}

/// Accumulator of wheel turns that are smaller than a click.
#[derive(Debug, Default)]
struct WheelAccumulator {
    remainder: i32,
}

impl WheelAccumulator {
    /// Adds `units`, and returns the whole clicks. The remainder is kept for the next turn; a turn in the
    /// other direction discards it, so that the guest reacts at once.
    fn add(&mut self, units: i16) -> i32 {
        let units = i32::from(units);
        if self.remainder.signum() * units.signum() < 0 {
            self.remainder = 0;
        }
        self.remainder += units;
        let clicks = self.remainder / UNITS_PER_CLICK;
        self.remainder %= UNITS_PER_CLICK;
        clicks.clamp(-MAX_CLICKS, MAX_CLICKS)
    }
}

/// Scales a coordinate from 0..=65535 to 0..=[`QmpInput::ABS_MAX`].
fn absolute_position(place: u16) -> i32 {
    i32::from(place >> 1).min(QmpInput::ABS_MAX)
}

/// Returns QEMU's button for a button on the wire.
fn mouse_button(button: Button) -> MouseButton {
    match button {
        Button::Left => MouseButton::Left,
        Button::Middle => MouseButton::Middle,
        Button::Right => MouseButton::Right,
        Button::Back => MouseButton::Side,
        Button::Forward => MouseButton::Extra,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_turns_add_up_to_clicks() {
        let mut wheel = WheelAccumulator::default();
        assert_eq!([50, 50, 50, 120, 90].map(|units| wheel.add(units)), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_turn_back_does_not_first_undo_the_rest() {
        let mut wheel = WheelAccumulator::default();
        assert_eq!([100, -120, -60, -60].map(|units| wheel.add(units)), [0, -1, 0, -1]);
    }

    #[test]
    fn a_huge_turn_is_bounded() {
        assert_eq!(WheelAccumulator::default().add(i16::MAX), MAX_CLICKS);
        assert_eq!(WheelAccumulator::default().add(i16::MIN), -MAX_CLICKS);
    }

    #[test]
    fn the_edges_of_the_screen_are_the_edges_of_the_tablet() {
        assert_eq!((absolute_position(0), absolute_position(u16::MAX)), (0, QmpInput::ABS_MAX));
    }
}
