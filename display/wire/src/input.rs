//! Input events: keys, pointer and wheel, as a client sends them and a guest receives them.

use serde::{Deserialize, Serialize};

/// Button of the pointer, numbered on the wire as `MouseEvent.button` of the DOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Button {
    /// Primary button, usually the left one (0).
    Left,
    /// Middle button, or the pressed wheel (1).
    Middle,
    /// Secondary button, usually the right one (2).
    Right,
    /// Fourth button, Back in browsers (3).
    Back,
    /// Fifth button, Forward in browsers (4).
    Forward,
}

/// Event of a keyboard, pointer or wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputEvent {
    /// Press or release of a key. The code is a position on the keyboard, not a character.
    Key {
        /// Key code of Linux evdev, `KEY_*` of input-event-codes.h.
        code: u16,
        /// The key is pressed; `false`: released.
        down: bool,
    },
    /// Absolute position of the pointer. From a client: fractions of the connection's screen, 0 for the first pixel
    /// and 65535 for the last one. To a machine: fractions of the whole desktop with all screens, 0 for the left or
    /// top edge; 65536 would be the opposite edge.
    PointerTo {
        /// Horizontal position, from left to right.
        x: u16,
        /// Vertical position, from top to bottom.
        y: u16,
    },
    /// Relative movement of the pointer in pixels, from a client with a locked pointer.
    PointerBy {
        /// Horizontal movement in pixels; right is positive.
        dx: i16,
        /// Vertical movement in pixels; down is positive.
        dy: i16,
    },
    /// Press or release of a pointer button.
    Button {
        /// Button that is pressed or released.
        button: Button,
        /// The button is pressed; `false`: released.
        down: bool,
    },
    /// Turn of the wheel in 1/120 of a notch.
    Wheel {
        /// Horizontal turn; right is positive.
        dx: i16,
        /// Vertical turn; down is positive.
        dy: i16,
    },
}
