//! What a machine's process leaves behind, so that a server that was away learns why it ended.

use serde::{Deserialize, Serialize};

/// Why a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The guest powered itself off.
    GuestPowerOff,
    /// [`crate::Command::Stop`].
    Stopped,
    /// It never came to run: a bad image, kernel or configuration, or no KVM.
    FailedToStart,
    /// The guest did something no processor survives (triple fault, bad MMIO), or a device failed for good.
    Crashed,
}

/// The file named by `exit_report` in the configuration, written just before the process exits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitReport {
    /// Why.
    pub reason: ExitReason,
    /// One plain sentence that says what to do next, where something is to be done.
    pub text: String,
}
