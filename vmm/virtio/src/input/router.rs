//! Routing of viewers' input events to the keyboard, tablet or mouse of the guest.

use super::event::{Action, BTN_EXTRA, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, LAST_KEY};
use super::sender::InputSender;
use oriel_display::InputSink;
use oriel_display::input::InputId;
use oriel_wire::{Button, InputEvent};
use parking_lot::Mutex;

/// Input sink of a machine: sends keys to the keyboard, positions to the tablet, relative motion to the
/// mouse, and buttons and wheels to the pointer moved last.
pub struct InputRouter {
    keyboard: InputSender,
    tablet: InputSender,
    mouse: InputSender,
    pointer: Mutex<PointerState>,
}

/// Pointer device of the guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Pointer {
    #[default]
    Tablet,
    Mouse,
}

/// State that routes buttons and wheels.
#[derive(Default)]
struct PointerState {
    /// Pointer that moved last, which gets buttons and wheels.
    current: Pointer,
    /// Pressed buttons with their pointer, which also gets the release.
    pressed: Vec<(Button, Pointer)>,
}

impl InputRouter {
    /// Creates a router that feeds these devices.
    pub(super) fn new(keyboard: InputSender, tablet: InputSender, mouse: InputSender) -> Self {
        Self { keyboard, tablet, mouse, pointer: Mutex::default() }
    }

    /// Returns the sender to a pointer device.
    fn sender_of(&self, pointer: Pointer) -> &InputSender {
        match pointer {
            Pointer::Tablet => &self.tablet,
            Pointer::Mouse => &self.mouse,
        }
    }
}

impl PointerState {
    /// Returns the pointer that gets the button's change.
    fn press(&mut self, button: Button, down: bool) -> Pointer {
        let pressed = self.pressed.iter().position(|(pressed, _)| *pressed == button);
        let pointer = match pressed {
            Some(at) => self.pressed.swap_remove(at).1,
            None => self.current,
        };
        if down {
            self.pressed.push((button, pointer));
        }
        pointer
    }
}

impl InputSink for InputRouter {
    fn input(&self, event: InputEvent, id: InputId) {
        if let InputEvent::Key { code, down } = event {
            return if (1..=LAST_KEY).contains(&code) {
                self.keyboard.push(Action::Key { code, down }, id);
            } else {
                self.keyboard.count_dropped();
            };
        }
        // The lock is held while sending, so that motions and clicks of two viewers keep their order.
        let mut pointer = self.pointer.lock();
        let (target, action) = match event {
            InputEvent::Key { .. } => return,
            InputEvent::PointerTo { x, y } => {
                pointer.current = Pointer::Tablet;
                (Pointer::Tablet, Action::Absolute { x: x >> 1, y: y >> 1 })
            }
            InputEvent::PointerBy { dx, dy } => {
                pointer.current = Pointer::Mouse;
                (Pointer::Mouse, Action::Relative { dx: dx.into(), dy: dy.into() })
            }
            InputEvent::Button { button, down } => {
                (pointer.press(button, down), Action::Key { code: button_code(button), down })
            }
            InputEvent::Wheel { dx, dy } => (pointer.current, Action::Wheel { dx: dx.into(), dy: dy.into() }),
        };
        self.sender_of(target).push(action, id);
    }
}

/// Returns the evdev code of a button.
fn button_code(button: Button) -> u16 {
    match button {
        Button::Left => BTN_LEFT,
        Button::Middle => BTN_MIDDLE,
        Button::Right => BTN_RIGHT,
        Button::Back => BTN_SIDE,
        Button::Forward => BTN_EXTRA,
    }
}
