//! The machine that this crate is about: a guest on KVM with virtio devices.

mod devices;
mod disks;
mod hardware;
mod start;
mod state_driver;
#[cfg(test)]
mod tests;

pub use disks::{DiskError, open as open_disk};
pub use hardware::Hardware;
pub use start::{KvmMachine, KvmResources, StartError};
