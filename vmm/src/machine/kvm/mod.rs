//! Machine on KVM with this crate's virtio devices.
//!
//! `start` validates the configuration and assembles the machine: `devices` and `disk_devices` create the
//! virtio devices, `hardware` places them on the buses, and `state_driver` runs the thread that starts,
//! pauses, resets and ends the guest. The virtual processors themselves are [`crate::cpu`]'s.

mod devices;
mod disk_devices;
mod error;
mod hardware;
mod start;
mod state_driver;
#[cfg(test)]
mod tests;
mod vm_event;

pub use error::StartError;
pub use hardware::Hardware;
pub use start::{KvmMachine, KvmResources};
