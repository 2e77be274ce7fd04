//! Client of a machine's control socket, for the server, the command line and tests.
//!
//! [`session`] is the protocol without input and output; [`blocking`] runs it over blocking sockets
//! and, with the feature `client`, [`nonblocking`] over tokio. Supported versions are data
//! ([`ClientOptions::versions`]), so that tests can act as a client of any version. The machine is
//! not trusted: lines are bounded, unknown fields and events counted. No machines are started here.

pub mod blocking;
mod error;
#[cfg(feature = "client")]
pub mod nonblocking;
pub mod session;

pub use blocking::BlockingClient;
pub use error::ClientError;
#[cfg(feature = "client")]
pub use nonblocking::{Attached, ControlClient, EventReceiver, ViewerStream, open_viewer};
pub use session::Ignored;

use crate::version::VersionRange;
use std::time::Duration;

/// Options of a client: supported versions and timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientOptions {
    /// Versions of the control messages that the client supports.
    pub versions: VersionRange,
    /// Longest wait for the handshake, and for each reply.
    pub timeout: Duration,
}

impl Default for ClientOptions {
    /// Returns options with all versions of this crate and a timeout of 10 s.
    fn default() -> Self {
        Self { versions: VersionRange::SUPPORTED, timeout: Duration::from_secs(10) }
    }
}
