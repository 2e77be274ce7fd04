//! The client of a machine's control socket: the one that the server, the command line and the
//! tests use.
//!
//! [`session`] is the protocol without input and output: which lines to send and what the lines
//! that come mean. [`blocking`] carries it over blocking sockets, and with the feature `client`
//! [`nonblocking`] over tokio's. What a program understands is data ([`ClientOptions::versions`]),
//! so a test can be a client of any version.
//!
//! This module knows nothing of users or of how machines are started, and it does not trust the
//! machine: lines are bounded, and unknown fields and events are ignored and counted.

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

/// How a client speaks to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientOptions {
    /// Versions of the control messages that the client understands.
    pub versions: VersionRange,
    /// How long the machine may take for the handshake, and again for each reply.
    pub timeout: Duration,
}

impl Default for ClientOptions {
    /// All versions of this crate, and 10 s.
    fn default() -> Self {
        Self { versions: VersionRange::SUPPORTED, timeout: Duration::from_secs(10) }
    }
}
