//! virtio-blk (virtio 1.2, section 5.2) on a disk of one or more images.
//!
//! Files and disks are slow, the event loop must not be: threads of the device's own wait for the
//! guest's kicks, take the requests from the queue and put them back. What the host has in memory is
//! moved at once, one request after the other and straight between that and the guest's memory;
//! while one waits for a disk, others go on with what else there is.

mod device;
mod disk_full;
mod request;
mod request_queue;
mod worker;

#[cfg(test)]
mod tests;

pub use device::{Block, BlockConfig};
pub use disk_full::{DiskFullEvent, DiskFullHandler};
pub use worker::{DiskSerial, ThreadSetup};
