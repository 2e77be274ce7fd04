//! How a backend gets its socket.

use std::io;
use std::os::fd::OwnedFd;

/// Starts a network backend's process and connects to it, each time that a link is needed.
pub trait BackendConnector: Send + Sync {
    /// Returns a connected stream socket that carries frames as passt(1) does: each after its length, 32
    /// bits in network order. Closing the socket ends the process behind it. May block for a while.
    ///
    /// # Errors
    /// When the process cannot be started now; a later call may succeed.
    fn connect(&self) -> io::Result<OwnedFd>;
}
