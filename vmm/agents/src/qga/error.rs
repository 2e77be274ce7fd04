//! Errors of commands to qemu-guest-agent.

use crate::port::PortError;

/// Reason for which a command to qemu-guest-agent failed; each is one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QgaError {
    /// The port is closed: no agent runs in the guest.
    #[error("The guest's agent is not connected; install and start qemu-guest-agent in the guest.")]
    NotConnected,
    /// The agent closed the port before the response.
    #[error("The guest's agent disconnected before its response; try again.")]
    Disconnected,
    /// The response did not arrive in time.
    #[error(
        "The guest's agent does not respond in time; try again, or restart qemu-guest-agent in the guest."
    )]
    TimedOut,
    /// The agent returned an error. The text is the error's description (`desc`), bounded and without control
    /// characters.
    #[error("The guest's agent refused: {0}.")]
    CommandFailed(String),
    /// The host could not create the thread that limits the duration of a freeze.
    #[error("The host is out of threads; stop some desktops first.")]
    NoThread,
    /// The response is not valid in QEMU's guest agent protocol.
    #[error("The guest's agent sent an invalid response; update qemu-guest-agent in the guest.")]
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
