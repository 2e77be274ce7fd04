//! The machine that this crate is about: a guest on KVM with virtio devices.

mod devices;
mod driver;
mod hardware;
mod start;

pub use hardware::Hardware;
pub use start::{KvmMachine, StartError};
