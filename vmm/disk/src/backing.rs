//! Interface of an image to the images below it in the backing chain.

use crate::io_buffers::{IoBuffers, IoMode};
use std::io;

/// Contents below an image, which show through its unallocated clusters.
pub(crate) trait Backing {
    /// Whether there are no backing images, so that unallocated clusters read as zeroes.
    fn is_empty(&self) -> bool;

    /// Fills `buffers` from byte `offset` of the backing disk; bytes beyond its end are zero.
    ///
    /// # Errors
    /// The host's errors, and [`io::ErrorKind::WouldBlock`] where `mode` forbids to block.
    fn read(&self, offset: u64, buffers: IoBuffers, mode: IoMode) -> io::Result<()>;
}
