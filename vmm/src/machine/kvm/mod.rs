//! The machine that this crate is about: a guest on KVM with virtio devices.

mod devices;
mod disk_devices;
mod hardware;
mod start;
mod state_driver;
#[cfg(test)]
mod tests;

pub use hardware::Hardware;
pub use start::{KvmMachine, KvmResources, StartError};
