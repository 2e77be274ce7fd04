//! Virtio devices as functions of the PCI bus: the modern transport (virtio 1.2, section 4.1).

mod capabilities;
mod common_config;
mod device_handler;
mod function;
mod interrupt;

#[cfg(test)]
mod tests;

pub use device_handler::DeviceHandler;
pub use function::VirtioPci;
