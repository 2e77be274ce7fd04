//! Virtio devices as functions of the PCI bus: the modern transport (virtio 1.2, section 4.1).

mod capabilities;
mod common_config;
mod core;
mod function;
mod interrupt;

#[cfg(test)]
mod tests;

pub use self::core::Core;
pub use function::VirtioPci;
