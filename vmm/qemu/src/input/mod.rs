//! What a person does, on its way into the guest.

mod actuator;
mod keycodes;
mod queue;

pub(crate) use actuator::drive;
pub(crate) use queue::InputQueue;
