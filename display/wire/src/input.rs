//! Input events: keys, pointer and wheel, as a client sends them and a guest receives them.

use serde::{Deserialize, Serialize};

/// Pointer buttons, numbered as in DOM `MouseEvent.button`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Button {
    /// Primary.
    Left,
    /// Wheel pressed.
    Middle,
    /// Secondary.
    Right,
    /// Browser back.
    Back,
    /// Browser forward.
    Forward,
}

/// One action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputEvent {
    /// A key by Linux evdev code (`KEY_*` of input-event-codes.h): a place on the keyboard, not a letter.
    Key {
        /// `KEY_*`.
        code: u16,
        /// Pressed or released.
        down: bool,
    },
    /// The pointer's place. From a client: fractions of its screen, 0 is the left/top pixel, 65535 the
    /// last one. To a machine: fractions of the whole desktop with all its screens, 0 is the left/top
    /// edge, and 65536 would be the other one (its desktop places it there).
    PointerTo {
        /// Across.
        x: u16,
        /// Down.
        y: u16,
    },
    /// A movement in pixels (pointer lock).
    PointerBy {
        /// Right is positive.
        dx: i16,
        /// Down is positive.
        dy: i16,
    },
    /// A pointer button.
    Button {
        /// Which.
        button: Button,
        /// Pressed or released.
        down: bool,
    },
    /// Wheel turns in 1/120 of a notch; down and right are positive.
    Wheel {
        /// Across.
        dx: i16,
        /// Down.
        dy: i16,
    },
}
