//! What a person does, on its way to the guest.

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
    /// edge, and 65536 would be the other one ([`crate::Monitors::locate`]).
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

/// Names one input of one viewer, so that the frame that answers it can say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputId {
    /// The viewer, as numbered by [`crate::Screen`].
    pub viewer: u32,
    /// The client's own sequence number; never 0.
    pub seq: u32,
}

/// The machine's end of the input path. Called on a viewer's reader thread: it must not block
/// on the guest; a device whose queue is full drops movements first and counts what it drops.
pub trait InputSink: Send + Sync {
    /// Hands one action to the guest. The device calls
    /// [`crate::Screen::input_reached_guest`] with `id` once the guest can see it.
    fn input(&self, event: InputEvent, id: InputId);
}
