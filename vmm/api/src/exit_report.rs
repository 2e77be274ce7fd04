//! Exit report of a machine: the file from which the server reads why the machine ended.
//!
//! The supervisor writes the file at the end of every machine, so that a server that was not
//! connected at that time can read it later. Connected servers receive [`crate::Event::Ended`].

use serde::{Deserialize, Serialize};

/// Reason why a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The guest powered itself off.
    GuestPowerOff,
    /// A client sent [`crate::Command::Stop`], or the process received a signal to terminate.
    Stopped,
    /// The start failed before any guest code ran: bad image, kernel or configuration, or no KVM.
    FailedToStart,
    /// A guest error that no processor can continue from (such as a triple fault), or a failure of a
    /// device or of the machine's process.
    Crashed,
}

/// Contents (JSON) of the file that the configuration names as `exit_report`. The supervisor writes
/// the file before it exits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// Reason of the end.
    pub reason: ExitReason,
    /// Reason in one sentence for users, with the next step where there is one.
    pub text: String,
}
