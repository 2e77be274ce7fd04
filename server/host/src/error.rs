//! Why a host does not follow an order.

use crate::hold::{DesktopId, Epoch};

/// Why an order was refused or failed. Every text is one sentence for people, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesktopError {
    /// The host as it is now cannot do it: memory, processors, a missing program or image.
    #[error("{0}")]
    Unavailable(String),
    /// The host's disk is too full.
    #[error("{0}")]
    NoRoom(String),
    /// The desktop's present state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The host itself failed; its log tells the reason.
    #[error("{0}")]
    Internal(String),
    /// The host has no desktop of that identifier.
    #[error("This host has no desktop {0}; it must be given to the host before it can be started.")]
    Unknown(DesktopId),
    /// The order was given under a claim that another one has superseded.
    #[error("The desktop's disk has been claimed anew since (epoch {recorded}, this order is of epoch {given}); load the page anew.",
        given = .given.0, recorded = .recorded.0)]
    StaleEpoch {
        /// The epoch of the order.
        given: Epoch,
        /// The epoch that the host has recorded.
        recorded: Epoch,
    },
    /// The order names another disk than the one that the desktop has.
    #[error("This order names another disk than the desktop {0} has; load the page anew.")]
    OtherDisk(DesktopId),
}
