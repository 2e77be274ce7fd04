//! Input events of viewers on the way to the guest: a bounded queue, and the thread that sends them to QEMU.

mod injector;
mod keycodes;
mod queue;

pub(crate) use injector::inject_events;
pub(crate) use queue::InputQueue;
