//! Who makes new links.

use std::io;
use std::os::fd::OwnedFd;

/// Makes the far end of a link anew, as often as it is lost.
pub trait BackendConnector: Send + Sync {
    /// A connected stream socket that carries frames as passt(1) does: each after its length, 32
    /// bits in network order. Closing it ends whatever is behind it. May block for a while.
    ///
    /// # Errors
    /// When it cannot be made now; it may be asked again later.
    fn connect(&self) -> io::Result<OwnedFd>;
}
