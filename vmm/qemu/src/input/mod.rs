//! What a user does, on its way into the guest.

mod injector;
mod keycodes;
mod queue;

pub(crate) use injector::inject_events;
pub(crate) use queue::InputQueue;
