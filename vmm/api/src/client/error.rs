//! Why a request to a machine failed.

use crate::version::VersionRange;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a connection to a machine, or a request on it, failed. Each text is a clause without a full stop.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the control socket.
    #[error("no desktop answers at {path}: {error}")]
    NotListening {
        /// The control socket.
        path: PathBuf,
        /// The error of connect(2).
        error: io::Error,
    },
    /// The machine was started by a program from before the control messages had versions. It
    /// runs and serves nobody who speaks a version.
    #[error(
        "the desktop's machine was started by an older Oriel whose control socket has no versions; it keeps \
         running, and can be managed again once its guest has shut down and the desktop was started anew"
    )]
    Unversioned,
    /// The machine understands no version of the control messages that the client does. It runs on.
    #[error(
        "the desktop's machine understands {machine} of the control messages and this program {client}; it keeps \
         running, and can be managed again once its guest has shut down and the desktop was started anew"
    )]
    UnsupportedVersion {
        /// What the machine understands.
        machine: VersionRange,
        /// What the client understands.
        client: VersionRange,
    },
    /// The machine refused the connection or the request; one plain sentence of the machine's.
    #[error("{0}")]
    Refused(String),
    /// The machine did not answer in time.
    #[error("the desktop's machine did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The machine ended the connection before it answered.
    #[error("the desktop's machine ended the connection without an answer")]
    Disconnected,
    /// The machine sent a line that is too long, no JSON, or not the message that was due.
    #[error("the desktop's machine sent a line that is no control message: {0}")]
    Malformed(String),
    /// The connection broke.
    #[error("the connection to the desktop's machine failed: {0}")]
    Io(#[from] io::Error),
}

impl ClientError {
    /// Whether the machine runs and cannot be managed by this program, because of its version.
    /// Such a machine is to be left running.
    pub fn is_version_mismatch(&self) -> bool {
        matches!(self, Self::Unversioned | Self::UnsupportedVersion { .. })
    }

    /// An error of a line that is no message.
    pub(super) fn malformed(error: impl ToString) -> Self {
        Self::Malformed(error.to_string())
    }
}
