//! Input on its way to the guest: the identity of one event, and the machine's end of the path.

use oriel_wire::InputEvent;

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
