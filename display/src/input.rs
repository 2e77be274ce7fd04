//! Input on its way to the guest: the identifier of an event, and the interface to the machine's input
//! devices.

use oriel_wire::InputEvent;

/// Identifier of one input event of one viewer, which traces the event to the frame that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputId {
    /// Number of the viewer, as given by [`crate::Screen`].
    pub viewer: u32,
    /// Sequence number that the client gave the event; never 0.
    pub seq: u32,
}

/// Receiver of input events in the machine. Called on a viewer's reader thread and must not block on the
/// guest; a device with a full queue drops and counts movements first.
pub trait InputSink: Send + Sync {
    /// Passes one event to the guest. The device calls [`crate::Screen::input_reached_guest`] with `id` once
    /// the guest can see the event.
    fn input(&self, event: InputEvent, id: InputId);
}
