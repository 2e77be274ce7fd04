//! virtio-console (VIRTIO 1.2, section 5.3): port 0 is the guest's `/dev/hvc0`, whose output goes to a
//! log; named ports are sockets to the guest's agents (`/dev/virtio-ports/NAME` on Linux).
//!
//! Queues: a receive and a transmit queue for port 0 (0, 1), the control queues (2, 3), then a pair for
//! each named port. Features: MULTIPORT if there are named ports. Not offered: SIZE (the log has no
//! columns and rows) and EMERG_WRITE.

mod control;
mod device;
mod port;
mod port_backend;

#[cfg(test)]
mod tests;

pub use device::Console;
pub use port_backend::NamedPort;
