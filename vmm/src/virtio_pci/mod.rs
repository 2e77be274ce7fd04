//! Virtio over PCI bus, modern devices only (virtio 1.2, section 4.1): one PCI function in front of each
//! [`oriel_virtio::VirtioDevice`].
//!
//! vCPU threads access configuration space and BAR 0 through [`VirtioPci`]; the event loop drives the
//! device through [`DeviceHandler`]. Interrupts leave by MSI-X alone. Device types and queue processing
//! are in `oriel_virtio`, the bus itself in [`crate::pci`].

mod capabilities;
mod common_config;
mod device_handler;
mod function;
mod interrupt;

#[cfg(test)]
mod tests;

pub use device_handler::DeviceHandler;
pub use function::VirtioPci;
