//! virtio-blk (VIRTIO 1.2, section 5.2) on a backing chain of disk images ([`oriel_disk`]).
//!
//! Queues: one request queue (0). Features: SEG_MAX, BLK_SIZE and TOPOLOGY (hosts allocate 4 KiB
//! blocks), FLUSH (without it every write is on the medium before its request completes), RO for a
//! read-only disk, otherwise DISCARD and WRITE_ZEROES, so that a guest gives space back. Not offered:
//! MQ (four workers share one queue), CONFIG_WCE, SECURE_ERASE.
//!
//! Files and disks are slow and the event loop must not be: worker threads (`worker`) wait for the
//! doorbell themselves, take requests from the `request_queue` and complete them there. Data that the
//! host has in memory is moved at once, straight between the page cache and guest memory; while one
//! worker waits for the disk, the others continue.

mod device;
mod disk_full;
mod job;
mod request;
mod request_queue;
mod worker;

#[cfg(test)]
mod tests;

pub use device::{Block, BlockConfig};
pub use disk_full::{DiskFullEvent, DiskFullHandler};
pub use worker::{DiskSerial, ThreadSetup};
