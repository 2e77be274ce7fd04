//! Why a command to the guest's agent failed.

use crate::port::PortError;

/// Reason for which a command to qemu-guest-agent failed; each is one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QgaError {
    /// No agent has the port open.
    #[error("The guest's agent is not there; install and start qemu-guest-agent in the guest.")]
    NotConnected,
    /// The agent closed the port before it answered.
    #[error("The guest's agent went away before it answered.")]
    Disconnected,
    /// No response arrived in time.
    #[error("The guest's agent does not answer.")]
    TimedOut,
    /// The agent returned an error; holds its description (`desc`), bounded and without control
    /// characters.
    #[error("The guest's agent refused: {0}.")]
    CommandFailed(String),
    /// The host has no thread left that would end a freeze.
    #[error("The host is out of threads; stop some desktops first.")]
    NoThread,
    /// The response is not one that QEMU's guest agent protocol allows.
    #[error("The guest's agent gave an answer that is none.")]
    InvalidResponse,
}

impl From<PortError> for QgaError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::TimedOut => Self::TimedOut,
            PortError::Closed | PortError::Failed(_) => Self::Disconnected,
        }
    }
}
