//! What the supervisor and the machine's process say to each other.

use crate::host_resources::Manifest;
use oriel_jail::Plan;
use oriel_jail::descriptors::FIRST_HANDED;
use oriel_vmm_api::{ExitReport, Jail, MachineConfig};
use serde::{Deserialize, Serialize};
use std::os::fd::RawFd;
use std::path::PathBuf;

/// The longest message to the machine: a configuration.
pub const MAX_TO_MACHINE: usize = 128 << 10;
/// The longest message from it. A machine whose guest has broken out is not trusted.
pub const MAX_FROM_MACHINE: usize = 16 << 10;

/// Where a helper finds its socket: after the supervisor channel.
pub const HELPER_SOCKET: RawFd = FIRST_HANDED + 1;

/// The first message to a new process.
#[derive(Debug, Serialize, Deserialize)]
pub enum LaunchSpec {
    /// Be this machine; its descriptors come along.
    Machine(Box<MachineLaunchSpec>),
    /// Enter the jail and become this program, which finds its socket at [`HELPER_SOCKET`].
    Helper {
        /// How it is jailed.
        plan: Plan,
        /// The program, in the jail's root.
        program: PathBuf,
        /// Without its name.
        arguments: Vec<String>,
    },
    /// Enter the jail, tell how that went, and end.
    JailProbe(Plan),
}

/// What a machine is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct MachineLaunchSpec {
    /// What it is.
    pub config: MachineConfig,
    /// How it is jailed.
    pub plan: Plan,
    /// What its descriptors are.
    pub manifest: Manifest,
    /// The supervisor's process, which is what others know of the desktop.
    pub supervisor: u32,
    /// The supervisor's user, who may connect.
    pub owner: u32,
    /// What to log (`ORIEL_LOG`).
    pub log: String,
}

/// To a machine that runs.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToMachine {
    /// End at once, as pulling the plug does.
    Stop,
    /// The answer to [`FromMachine::Connect`]: a socket comes along.
    Connected,
    /// The other answer; one plain sentence.
    NotConnected(String),
}

/// From the machine.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromMachine {
    /// It ends, and this is why.
    Ended(ExitReport),
    /// It wants a new passt behind the network interface of this number.
    Connect(usize),
    /// How a [`LaunchSpec::JailProbe`] went.
    Jailed(Jail),
}
