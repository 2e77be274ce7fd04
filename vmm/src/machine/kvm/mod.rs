//! The machine that this crate is about: a guest on KVM with virtio devices.

mod devices;
mod disks;
mod driver;
mod hardware;
mod start;
#[cfg(test)]
mod tests;

pub use disks::{DiskError, open as open_disk};
pub use hardware::Hardware;
pub use start::{Equipment, KvmMachine, StartError};
