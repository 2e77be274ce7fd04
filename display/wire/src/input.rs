//! Input events: keys, pointer and wheel, as a client sends them and a guest receives them.

use serde::{Deserialize, Serialize};

/// Pointer buttons, numbered as in DOM `MouseEvent.button`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Button {
    /// Primary button.
    Left,
    /// Middle button, or the pressed wheel.
    Middle,
    /// Secondary button.
    Right,
    /// Fourth button, which goes back in browsers.
    Back,
    /// Fifth button, which goes forward in browsers.
    Forward,
}

/// Input event of a keyboard or pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputEvent {
    /// A key by Linux evdev code (`KEY_*` of input-event-codes.h): a place on the keyboard, not a letter.
    Key {
        /// Key code, `KEY_*` of input-event-codes.h.
        code: u16,
        /// The key is pressed; `false`: released.
        down: bool,
    },
    /// The pointer's place. From a client: fractions of its screen, 0 is the left/top pixel, 65535 the
    /// last one. To a machine: fractions of the whole desktop with all its screens, 0 is the left/top
    /// edge, and 65536 would be the other one (its desktop places it there).
    PointerTo {
        /// Horizontal position, from left to right.
        x: u16,
        /// Vertical position, from top to bottom.
        y: u16,
    },
    /// A movement in pixels (pointer lock).
    PointerBy {
        /// Horizontal movement; right is positive.
        dx: i16,
        /// Vertical movement; down is positive.
        dy: i16,
    },
    /// Press or release of a pointer button.
    Button {
        /// Button that is pressed or released.
        button: Button,
        /// The button is pressed; `false`: released.
        down: bool,
    },
    /// Wheel turns in 1/120 of a notch; down and right are positive.
    Wheel {
        /// Horizontal turn; right is positive.
        dx: i16,
        /// Vertical turn; down is positive.
        dy: i16,
    },
}
