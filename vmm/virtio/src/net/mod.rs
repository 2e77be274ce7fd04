//! virtio-net (virtio 1.2, section 5.1): one interface with one pair of queues and a control queue.
//!
//! - [`Backend`] is the other end of the cable, whatever it is.
//! - `transmit` takes frames from the driver, `receive` gives it frames; both in bounded portions,
//!   so that a flood leaves the event loop to other devices.
//! - `header` checks what a driver says of a frame, `checksum` does what it left undone.
//! - `control` answers the control queue, [`Net`] is all of it as the transport sees it.

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

pub use backend::{Backend, Frame, NullBackend};
pub use device::Net;
pub use header::{HEADER_LEN, Header};
pub use offloads::Offloads;

use std::time::Duration;

/// The longest frame: Ethernet header, one VLAN tag, and the longest IP packet.
pub const MAX_FRAME: usize = 14 + 4 + 65535;

/// Why a queue's work stopped.
#[derive(Clone, Copy)]
enum NextPoll {
    /// Something has to come in first; it will say so.
    OnEvent,
    /// It was enough for once, and there is more.
    Immediately,
    /// The limit lets nothing through for so long.
    After(Duration),
}
