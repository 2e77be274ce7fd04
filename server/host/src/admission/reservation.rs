//! Reservations: resources granted to desktops that start, until their machines use them.

use crate::hold::DesktopId;
use std::collections::HashMap;

/// Reservation of memory, processors and a TAP interface for one desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// Number of virtual processors.
    pub cpus: u8,
    /// Name of the TAP interface, if the desktop has one.
    pub tap: Option<String>,
}

/// Reservations of a host by desktop; locked while a desktop is admitted.
pub(crate) type Reservations = HashMap<DesktopId, Reservation>;
