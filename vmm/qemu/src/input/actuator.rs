//! The hand that presses QEMU's keys: takes actions off the queue, one after the other.

use super::keycodes::qnum;
use super::queue::InputQueue;
use crate::counters::{Counters, count};
use crate::dbus::{Console, MouseButton};
use crate::error::CommandError;
use crate::qmp::{Axis, Command, InputEvent as QmpInput, Qmp};
use oriel_display::input::Button;
use oriel_display::{InputEvent, Monitors};

/// Notches that one turn of the wheel makes at most.
const MOST_NOTCHES: i32 = 30;
/// The wheel's units in a notch.
const NOTCH: i32 = 120;

/// Carries out what `queue` holds until it ends. Each action is answered by QEMU before the next
/// goes out, so that what travels on different connections stays in order.
pub(crate) fn drive(
    queue: &InputQueue,
    console: Console,
    qmp: Qmp,
    monitors: &Monitors,
    counters: &Counters,
) {
    let mut actuator = Actuator { console, qmp, across: Wheel::default(), down: Wheel::default() };
    while let Some((event, id)) = queue.next() {
        match actuator.perform(event) {
            Ok(()) => {
                count(&counters.inputs);
                monitors.input_reached_guest(id);
            }
            Err(CommandError::Ended) => return,
            Err(error) => {
                count(&counters.inputs_refused);
                tracing::debug!(%error, ?event, "QEMU did not take an input");
            }
        }
    }
}

struct Actuator {
    console: Console,
    qmp: Qmp,
    across: Wheel,
    down: Wheel,
}

impl Actuator {
    fn perform(&mut self, event: InputEvent) -> Result<(), CommandError> {
        match event {
            InputEvent::Key { code, down } => {
                let qnum = qnum(code)
                    .ok_or_else(|| CommandError::Refused(format!("no guest keyboard has key {code}")))?;
                self.console.key(qnum, down)
            }
            InputEvent::Button { button, down } => self.console.button(mouse_button(button), down),
            // Over D-Bus a pointer is either absolute or relative, whichever device the guest woke
            // last, and places are rounded to pixels. QMP reaches both devices and takes fractions.
            InputEvent::PointerTo { x, y } => self.point([
                QmpInput::Abs { axis: Axis::X, value: fraction(x) },
                QmpInput::Abs { axis: Axis::Y, value: fraction(y) },
            ]),
            InputEvent::PointerBy { dx, dy } => self.point([
                QmpInput::Rel { axis: Axis::X, value: i32::from(dx) },
                QmpInput::Rel { axis: Axis::Y, value: i32::from(dy) },
            ]),
            InputEvent::Wheel { dx, dy } => {
                let (across, down) = (self.across.turn(dx), self.down.turn(dy));
                self.press_wheel(down, MouseButton::WheelUp, MouseButton::WheelDown)?;
                self.press_wheel(across, MouseButton::WheelLeft, MouseButton::WheelRight)
            }
        }
    }

    fn point(&self, events: [QmpInput; 2]) -> Result<(), CommandError> {
        self.qmp.execute(&Command::InputSendEvent { events: events.to_vec() }).map(drop)
    }

    /// QEMU's wheels are buttons, pressed once a notch.
    fn press_wheel(
        &self,
        notches: i32,
        negative: MouseButton,
        positive: MouseButton,
    ) -> Result<(), CommandError> {
        let button = if notches < 0 { negative } else { positive };
        for _ in 0..notches.abs() {
            self.console.button(button, true)?;
            self.console.button(button, false)?;
        }
        Ok(())
    }
}

/// A wheel that turns in fractions of a notch.
#[derive(Debug, Default)]
struct Wheel {
    rest: i32,
}

impl Wheel {
    /// Turns it by `units`; returns whole notches and keeps the rest for the next turn. A turn back
    /// begins anew, so that it is felt at once.
    fn turn(&mut self, units: i16) -> i32 {
        let units = i32::from(units);
        if self.rest.signum() * units.signum() < 0 {
            self.rest = 0;
        }
        self.rest += units;
        let notches = self.rest / NOTCH;
        self.rest %= NOTCH;
        notches.clamp(-MOST_NOTCHES, MOST_NOTCHES)
    }
}

/// From 0..=65535 to 0..=[`QmpInput::ABS_MAX`].
fn fraction(place: u16) -> i32 {
    i32::from(place >> 1).min(QmpInput::ABS_MAX)
}

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
    fn small_turns_add_up_to_notches() {
        let mut wheel = Wheel::default();
        assert_eq!([50, 50, 50, 120, 90].map(|units| wheel.turn(units)), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_turn_back_does_not_first_undo_the_rest() {
        let mut wheel = Wheel::default();
        assert_eq!([100, -120, -60, -60].map(|units| wheel.turn(units)), [0, -1, 0, -1]);
    }

    #[test]
    fn a_wild_turn_is_bounded() {
        assert_eq!(Wheel::default().turn(i16::MAX), MOST_NOTCHES);
        assert_eq!(Wheel::default().turn(i16::MIN), -MOST_NOTCHES);
    }

    #[test]
    fn the_edges_of_the_screen_are_the_edges_of_the_tablet() {
        assert_eq!((fraction(0), fraction(u16::MAX)), (0, QmpInput::ABS_MAX));
    }
}
