//! What desktops that start were granted and have not taken yet.

use crate::hold::DesktopId;
use std::collections::HashMap;

/// Memory, processors and a TAP interface for one desktop that starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// Virtual processors.
    pub cpus: u8,
    /// The name of a TAP interface.
    pub tap: Option<String>,
}

/// All reservations of a host, by desktop. Held locked while a desktop is admitted.
pub(crate) type Reservations = HashMap<DesktopId, Reservation>;
