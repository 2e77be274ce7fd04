//! The jail around a machine, part by part: what holds, and what this host does not give.

use serde::{Deserialize, Serialize};

/// One part of the jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JailPart {
    /// A user of its own without rights on the host.
    Identity,
    /// Mounts of its own.
    Mounts,
    /// Sees and signals no process but its own.
    Processes,
    /// No network but what it is handed.
    Network,
    /// System V and POSIX message queues and shared memory of its own.
    Ipc,
    /// A host name of its own.
    Hostname,
    /// A root folder with nothing in it but what it needs, read-only.
    Root,
    /// No capabilities, and no way to new ones.
    Capabilities,
    /// A rule set that forbids files, connections and signals once more, whatever the rest allows.
    Landlock,
    /// Only the system calls that it needs, by kind of thread.
    Seccomp,
    /// Open descriptors: those it was handed.
    Descriptors,
    /// An empty environment.
    Environment,
    /// Limits of descriptors and processes, and no core files.
    Limits,
    /// A control group (version 2) of its own.
    Cgroup,
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    /// Which.
    pub part: JailPart,
    /// Whether it holds.
    pub holds: bool,
    /// One plain sentence: how it holds, or why it could not be had and what to do.
    pub text: String,
}

/// All parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// In the order in which they were put up.
    pub parts: Vec<PartReport>,
}

impl Jail {
    /// Notes what became of a part.
    pub fn add(&mut self, part: JailPart, holds: bool, text: impl Into<String>) {
        self.parts.push(PartReport { part, holds, text: text.into() });
    }

    /// The parts that this host did not give.
    pub fn missing(&self) -> impl Iterator<Item = &PartReport> {
        self.parts.iter().filter(|part| !part.holds)
    }

    /// Whether a part holds; one that is not spoken of does not.
    pub fn holds(&self, part: JailPart) -> bool {
        self.parts.iter().any(|report| report.part == part && report.holds)
    }
}
