//! Namespaces of a jailed process (namespaces(7)): mount, process, network, IPC, UTS and user.
//!
//! [`crate::Spawn::start`] creates the namespaces with clone(2), as many as the host allows; the new
//! process sets its host name and reports on them. The mounts themselves are in [`crate::root`].

use crate::{Jail, JailPart};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// Kind of namespace, with the part of the report.
struct Kind {
    /// Flag `CLONE_NEW…` of clone(2).
    flag: libc::c_int,
    /// Part of the jail that the namespace implements.
    part: JailPart,
    /// Sentence of the report when the process is in such a namespace.
    holds: &'static str,
    /// Name of the kind for the report.
    name: &'static str,
}

/// Kinds of namespaces that a jailed process is started in, besides the user namespace.
const KINDS: [Kind; 5] = [
    Kind {
        flag: libc::CLONE_NEWNS,
        part: JailPart::Mounts,
        holds: "The process has a mount namespace.",
        name: "mount",
    },
    Kind {
        flag: libc::CLONE_NEWPID,
        part: JailPart::Processes,
        holds: "The process sees and signals only processes that it started.",
        name: "process",
    },
    Kind {
        flag: libc::CLONE_NEWNET,
        part: JailPart::Network,
        holds: "The process has a network namespace without interfaces.",
        name: "network",
    },
    Kind {
        flag: libc::CLONE_NEWIPC,
        part: JailPart::Ipc,
        holds: "The process has message queues and shared memory apart from the host's.",
        name: "ipc",
    },
    Kind {
        flag: libc::CLONE_NEWUTS,
        part: JailPart::Hostname,
        holds: "The process has a host name apart from the host's.",
        name: "host name",
    },
];

/// Host name that a jailed process sees.
const HOSTNAME: &[u8] = b"oriel";

/// Set of namespaces that a process was started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// Flags `CLONE_NEW…` of clone(2).
    flags: libc::c_int,
    /// Whether the process stays in the network namespace of its parent.
    shares_network: bool,
    /// Error number (errno(3)) of the first namespace that the kernel refused.
    refusal: Option<i32>,
}

impl Namespaces {
    /// Returns the set of all kinds, without the network if `shares_network`. `own_user` adds a user
    /// namespace, without which an unprivileged process cannot create the others.
    pub(crate) fn all(shares_network: bool, own_user: bool) -> Self {
        let mut flags = if own_user { libc::CLONE_NEWUSER } else { 0 };
        flags |= KINDS.iter().map(|kind| kind.flag).filter(|flag| wanted(*flag, shares_network)).sum::<i32>();
        Self { flags, shares_network, refusal: None }
    }

    /// Returns the set of kinds that this host allows, by trying each kind with `try_flags`.
    pub(crate) fn some(shares_network: bool, try_flags: impl Fn(libc::c_int) -> Result<(), Errno>) -> Self {
        let mut refusal = None;
        let mut allowed = |flags| match try_flags(flags) {
            Ok(()) => true,
            Err(errno) => {
                refusal.get_or_insert(errno.raw_os_error());
                false
            }
        };
        // A privileged process needs no user namespace; an unprivileged one needs it for every other kind.
        let user = if allowed(libc::CLONE_NEWUTS) { 0 } else { libc::CLONE_NEWUSER };
        let mut flags = user;
        for kind in KINDS.iter().filter(|kind| wanted(kind.flag, shares_network)) {
            if allowed(user | kind.flag) {
                flags |= kind.flag;
            }
        }
        let flags = if flags == libc::CLONE_NEWUSER { 0 } else { flags };
        Self { flags, shares_network, refusal }
    }

    /// Returns the flags for clone(2).
    pub(crate) fn flags(self) -> libc::c_int {
        self.flags
    }

    /// Returns whether the set has a user namespace.
    pub fn own_user(self) -> bool {
        self.flags & libc::CLONE_NEWUSER != 0
    }

    /// Returns whether the set has a mount namespace, in which mounts do not affect the host.
    pub(crate) fn own_mounts(self) -> bool {
        self.flags & libc::CLONE_NEWNS != 0
    }

    /// Sets the host name in the new namespaces, and reports on each kind. Must be called in the process
    /// that was started in the set.
    pub(crate) fn set_up(self, report: &mut Jail) {
        if self.flags & libc::CLONE_NEWUTS != 0 {
            // On failure the process keeps the host's name, which is no secret.
            let _ = rustix::system::sethostname(HOSTNAME);
        }
        for kind in &KINDS {
            if kind.part == JailPart::Network && self.shares_network {
                report.add(kind.part, true, "The process shares the host's network, as its task requires.");
            } else if self.flags & kind.flag != 0 {
                report.add(kind.part, true, kind.holds);
            } else {
                report.add(kind.part, false, self.refusal_text(kind.name));
            }
        }
    }

    /// Returns the report sentence for a kind that the host refused, with the next step.
    fn refusal_text(self, name: &str) -> String {
        let why = self
            .refusal
            .map_or_else(String::new, |errno| format!(" ({})", std::io::Error::from_raw_os_error(errno)));
        format!(
            "The host refuses a {name} namespace{why}; allow user namespaces (sysctl user.max_user_namespaces, \
             kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns) or start Oriel as root."
        )
    }
}

/// Returns whether the kind with `flag` belongs to the set.
fn wanted(flag: libc::c_int, shares_network: bool) -> bool {
    flag != libc::CLONE_NEWNET || !shares_network
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unprivileged_processes_get_a_user_namespace() {
        let privileged = Namespaces::some(false, |_| Ok(()));
        assert_eq!(privileged, Namespaces::all(false, false));
        let ordinary = Namespaces::some(false, |flags| match flags & libc::CLONE_NEWUSER {
            0 => Err(Errno::PERM),
            _ => Ok(()),
        });
        assert_eq!(ordinary.flags(), Namespaces::all(false, true).flags());
    }

    #[test]
    fn refused_namespaces_are_reported_with_the_reason() {
        let without_network = Namespaces::some(false, |flags| match flags & libc::CLONE_NEWNET {
            0 => Ok(()),
            _ => Err(Errno::INVAL),
        });
        let mut report = Jail::default();
        // No process was started in this set: without the UTS flag, the host's name stays unchanged.
        Namespaces { flags: without_network.flags & !libc::CLONE_NEWUTS, ..without_network }
            .set_up(&mut report);
        let lost: Vec<_> = report.missing().map(|part| part.part).collect();
        assert_eq!(lost, [JailPart::Network, JailPart::Hostname]);
        assert!(report.missing().all(|part| part.text.contains("Invalid argument")));
    }

    #[test]
    fn a_host_without_namespaces_gives_an_empty_set() {
        let none = Namespaces::some(false, |_| Err(Errno::PERM));
        assert_eq!(none.flags(), 0);
    }
}
