//! virtio-blk (virtio 1.2, section 5.2) on a raw image file.
//!
//! Files and disks are slow, the event loop must not be: a thread of the device's own takes the
//! requests from the queue, does them one by one, and puts them back.

mod device;
mod image;
mod request;
mod worker;

#[cfg(test)]
mod tests;

pub use device::Block;
pub use image::OpenError;
