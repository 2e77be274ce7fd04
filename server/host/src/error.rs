//! Errors of commands to a desktop.

use crate::hold::{DesktopId, Epoch};

/// Error of a command to a desktop. Each text is a sentence for the user, with what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesktopError {
    /// The host cannot execute the command now: memory, processors, a program or an image is missing.
    #[error("{0}")]
    Unavailable(String),
    /// The host's disk has too little free space.
    #[error("{0}")]
    NoRoom(String),
    /// The desktop's present state does not allow the command.
    #[error("{0}")]
    Conflict(String),
    /// The host itself failed; its log has the reason.
    #[error("{0}")]
    Internal(String),
    /// The host has no desktop with the identifier.
    #[error("This host has no desktop {0}; create the desktop on the host before the request.")]
    Unknown(DesktopId),
    /// The command's hold has an older epoch than the host has recorded.
    #[error("The desktop's disk is claimed in a newer epoch ({recorded}) than this request's ({given}); reload the page.",
        given = .given.0, recorded = .recorded.0)]
    StaleEpoch {
        /// Epoch of the command's hold.
        given: Epoch,
        /// Epoch that the host has recorded.
        recorded: Epoch,
    },
    /// The command's hold names another disk than the host has recorded.
    #[error("This request names another disk than the desktop {0} has; reload the page.")]
    OtherDisk(DesktopId),
}
