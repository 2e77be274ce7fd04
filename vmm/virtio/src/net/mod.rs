//! virtio-net (VIRTIO 1.2, section 5.1): one interface.
//!
//! Queues: receiveq (0), transmitq (1), controlq (2). Features: MAC, STATUS (the link may be down), MTU
//! if the backend knows one, MRG_RXBUF (large frames in small buffers), CSUM and GUEST_CSUM, TSO for
//! IPv4 and IPv6 if the backend takes segments, CTRL_VQ and CTRL_RX (Linux filters by it), and
//! CTRL_GUEST_OFFLOADS with checksum offload. Not offered: MQ, UFO and USO, CTRL_VLAN, ANNOUNCE.
//!
//! - [`Backend`] carries frames to and from a network of the host.
//! - `transmit` and `receive` move frames within a `poll_budget`, so that a flood leaves the event
//!   loop to other devices.
//! - `header` validates `struct virtio_net_hdr`, `checksum` completes checksums.
//! - `control` executes commands of the control queue.

mod backend;
mod checksum;
mod control;
mod device;
mod header;
mod offloads;
mod poll_budget;
mod receive;
mod transmit;

#[cfg(test)]
mod tests;

pub use backend::{Backend, Frame, MAX_FRAME, NullBackend};
pub use device::Net;
pub use header::{HEADER_LEN, Header};
pub use offloads::Offloads;
