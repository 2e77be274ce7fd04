//! virtio-console (virtio 1.2, section 5.3): port 0 is the guest's `/dev/hvc0`; further ports have
//! names, by which programs in the guest find them (`/dev/virtio-ports/NAME` on Linux).

mod control;
mod device;
mod port;
mod port_backend;

#[cfg(test)]
mod tests;

pub use device::Console;
pub use port_backend::NamedPort;
