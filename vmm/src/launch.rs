//! Messages between the supervisor and the processes that it starts.
//!
//! They pass through a socket pair as packets (`oriel_jail::packets`), some with descriptors. The supervisor
//! sends one [`LaunchSpec`]; afterwards it sends [`ToMachine`] messages and receives [`FromMachine`]
//! messages, which it does not trust. Commands of users are not here but in [`crate::control`].

use crate::host_resources::Manifest;
use oriel_jail::Plan;
use oriel_jail::descriptors::FIRST_HANDED;
use oriel_net::EgressPolicy;
use oriel_vmm_api::{ExitReport, Jail, MachineConfig};
use serde::{Deserialize, Serialize};
use std::os::fd::RawFd;
use std::path::PathBuf;

/// Maximum size in bytes of a message to the machine; the longest one holds a configuration.
pub const MAX_TO_MACHINE: usize = 128 << 10;
/// Maximum size in bytes of a message from the machine, which a guest may have taken over.
pub const MAX_FROM_MACHINE: usize = 16 << 10;

/// Descriptor number of a helper's socket, which follows the supervisor channel.
pub const HELPER_SOCKET: RawFd = FIRST_HANDED + 1;

/// First message to a new process: the role that the process takes.
#[derive(Debug, Serialize, Deserialize)]
pub enum LaunchSpec {
    /// Machine to run; the message carries the descriptors of its [`Manifest`].
    Machine(Box<MachineLaunchSpec>),
    /// Program to execute in a jail, with its socket as descriptor [`HELPER_SOCKET`].
    Helper {
        /// Jail of the program.
        plan: Plan,
        /// Path of the program in the jail's root.
        program: PathBuf,
        /// Arguments of the program, without its name.
        arguments: Vec<String>,
    },
    /// Egress filter to run in a jail. The message carries the socket to the machine, the socket to passt, and
    /// the sockets of [`oriel_net::HostRoutes`].
    EgressFilter {
        /// Jail of the process.
        plan: Plan,
        /// Policy of the filter.
        policy: EgressPolicy,
    },
    /// Jail to enter and report on ([`FromMachine::Jailed`]) before the process ends.
    JailProbe(Plan),
}

/// Description of a machine for the process that runs it.
#[derive(Debug, Serialize, Deserialize)]
pub struct MachineLaunchSpec {
    /// Configuration of the machine.
    pub config: MachineConfig,
    /// Jail of the process.
    pub plan: Plan,
    /// Meaning of the descriptors that come with the message.
    pub manifest: Manifest,
    /// Process ID of the supervisor, which the control protocol reports as the desktop's process.
    pub supervisor: u32,
    /// User ID of the supervisor, whose processes may connect to the control socket.
    pub owner: u32,
    /// Log filter, in the syntax of `ORIEL_LOG`.
    pub log: String,
}

/// Message of the supervisor to a running machine.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToMachine {
    /// Request for a clean shutdown of the guest. A machine whose guest cannot be asked ends at once.
    ShutDown,
    /// Request to end the machine at once, without the guest's consent.
    Stop,
    /// Success of [`FromMachine::Connect`]; the message carries the machine's end of passt's socket.
    Connected,
    /// Failure of [`FromMachine::Connect`], with the error's text.
    NotConnected(String),
}

/// Message of the machine's process to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromMachine {
    /// Exit report: the process is about to end.
    Ended(ExitReport),
    /// Request for a new passt process as the backend of the network interface with this index.
    Connect(usize),
    /// Result of a [`LaunchSpec::JailProbe`]: the report on each part of the jail.
    Jailed(Jail),
}
