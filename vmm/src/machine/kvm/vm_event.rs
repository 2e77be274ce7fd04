//! Events that the state driver of a machine on KVM handles.

use crate::machine::refused::Refused;
use oriel_virtio::block::DiskFullEvent;
use std::sync::mpsc::Sender;

/// Request of a control connection to change the machine's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmRequest {
    /// Stops all virtual processors.
    Pause,
    /// Resumes all virtual processors.
    Resume,
    /// Resets the machine and boots the guest again.
    Reset,
    /// Presses the ACPI power button.
    PressPower,
    /// Ends the machine.
    Stop,
}

/// Event that the state driver handles.
pub enum VmEvent {
    /// Request of a control connection, with the sender of the request's result.
    Request(VmRequest, Sender<Result<(), Refused>>),
    /// Notification that [`crate::guest_events::GuestEvents`] holds an event.
    GuestEvent,
    /// Number of a disk, and the change of free space on the host for its writes.
    DiskFull(usize, DiskFullEvent),
}
