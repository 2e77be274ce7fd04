//! Oriel's virtio devices (virtio 1.2). They know guest memory and queues; the transport that
//! presents them to the guest and the event loop that drives them belong to `oriel-vmm`.
//!
//! Everything that a guest writes is hostile: no path from it panics, every command is answered.

pub mod device;

pub use device::{ActivateError, Activation, GuestRam, Interrupt, VirtioDevice};
