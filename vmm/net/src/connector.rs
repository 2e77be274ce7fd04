//! Source of a backend's sockets.

use std::io;
use std::os::fd::OwnedFd;

/// Connector that starts a network backend's process and connects to it, whenever a link is needed.
pub trait BackendConnector: Send + Sync {
    /// Returns a connected stream socket for frames in the format of passt(1): each after its length, 32 bits
    /// in network order. Closing the socket ends the process. May block for a short time.
    ///
    /// # Errors
    /// The reason for which the process cannot be started now; a later call may succeed.
    fn connect(&self) -> io::Result<OwnedFd>;
}
