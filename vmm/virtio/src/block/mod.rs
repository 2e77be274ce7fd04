//! virtio-blk (virtio 1.2, section 5.2) on a disk of one or more images.
//!
//! Files and disks are slow, the event loop must not be: threads of the device's own take the
//! requests from the queue, do several at a time, and put them back.

mod device;
mod request;
mod shared;
mod trouble;
mod worker;

#[cfg(test)]
mod tests;

pub use device::{Block, Setup};
pub use trouble::{DiskTrouble, Report};
pub use worker::Serial;
