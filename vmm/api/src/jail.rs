//! Report on the jail around a machine's process: which parts are in force on this host.
//!
//! Crate `oriel-jail` fills the report while it jails a process; the control socket and
//! `oriel-vmm probe` pass it on to the server. This module enforces nothing itself.

use serde::{Deserialize, Serialize};

/// Part of the jail: one restriction of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JailPart {
    /// User that no other process has, or a user namespace with this one user only.
    Identity,
    /// Mount namespace.
    Mounts,
    /// Process namespace: the process sees and signals only processes that it started.
    Processes,
    /// Network namespace without interfaces; the process has only the sockets that it was given.
    Network,
    /// IPC namespace: message queues (System V and POSIX), and semaphores and shared memory of System V.
    Ipc,
    /// UTS namespace: a host name other than the host's.
    Hostname,
    /// Read-only root folder that contains only the files that the process needs.
    Root,
    /// Absence of capabilities, and of ways to gain capabilities (capabilities(7)).
    Capabilities,
    /// Landlock rule set (landlock(7)) on files, connections and signals.
    Landlock,
    /// Seccomp filters (seccomp(2)) that allow only the system calls that each kind of thread needs.
    Seccomp,
    /// Absence of open descriptors other than those that the process was given.
    Descriptors,
    /// Absence of environment variables.
    Environment,
    /// Limits on descriptors and processes, and no core files (getrlimit(2)).
    Limits,
    /// Control group of version 2 below the root group (cgroups(7)).
    Cgroup,
}

/// Report on one part of the jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    /// Part that the report is about.
    pub part: JailPart,
    /// Whether the part is in force.
    pub holds: bool,
    /// How the part is in force, or why it is not and what to do next, in one sentence for users.
    pub text: String,
}

/// Report on the jail of a process, with an entry for each part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// Reports on the parts, in the order in which the parts were checked or applied.
    pub parts: Vec<PartReport>,
}

impl Jail {
    /// Appends the report on `part`: whether the part is in force, and one sentence for users.
    pub fn add(&mut self, part: JailPart, holds: bool, text: impl Into<String>) {
        self.parts.push(PartReport { part, holds, text: text.into() });
    }

    /// Returns the reports on parts that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = &PartReport> {
        self.parts.iter().filter(|part| !part.holds)
    }

    /// Returns whether `part` is in force; false for a part without a report.
    pub fn holds(&self, part: JailPart) -> bool {
        self.parts.iter().any(|report| report.part == part && report.holds)
    }
}
