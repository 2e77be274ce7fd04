//! Errors of the client of the control socket.
//!
//! The server and the command line show the texts to users; version mismatches have variants of
//! their own, so that the server leaves such machines running.

use crate::version::VersionRange;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Error of a connection to a machine or of a request. The text of an error is a clause without a
/// full stop.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No process listens on the control socket, or connecting to it failed.
    #[error("no desktop answers at {path}: {error}")]
    NotListening {
        /// Path of the control socket.
        path: PathBuf,
        /// Error of connect(2).
        error: io::Error,
    },
    /// The machine was started by a release older than the versions of the control messages. The
    /// machine runs on, and no client of this crate can manage it.
    #[error(
        "the desktop's machine was started by an older Oriel whose control socket has no versions; it keeps \
         running, and can be managed again once its guest has shut down and the desktop was started anew"
    )]
    Unversioned,
    /// Machine and client have no version of the control messages in common. The machine runs on.
    #[error(
        "the desktop's machine understands {machine} of the control messages and this program {client}; it keeps \
         running, and can be managed again once its guest has shut down and the desktop was started anew"
    )]
    UnsupportedVersion {
        /// Versions that the machine supports.
        machine: VersionRange,
        /// Versions that the client supports.
        client: VersionRange,
    },
    /// The machine refused the connection or the request, for the reason in the machine's sentence.
    #[error("{0}")]
    Refused(String),
    /// The machine did not answer within the timeout.
    #[error("the desktop's machine did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The machine closed the connection before its answer.
    #[error("the desktop's machine ended the connection without an answer")]
    Disconnected,
    /// The machine sent a line that is too long, not JSON, or not the expected message.
    #[error("the desktop's machine sent a line that is no control message: {0}")]
    Malformed(String),
    /// Reading from or writing to the connection failed.
    #[error("the connection to the desktop's machine failed: {0}")]
    Io(#[from] io::Error),
}

impl ClientError {
    /// Returns whether the machine runs and cannot be managed because of its version. Such a machine
    /// must be left running.
    pub fn is_version_mismatch(&self) -> bool {
        matches!(self, Self::Unversioned | Self::UnsupportedVersion { .. })
    }

    /// Returns the error for a line that is not a control message.
    pub(super) fn malformed(error: impl ToString) -> Self {
        Self::Malformed(error.to_string())
    }
}
