//! Namespaces (namespaces(7)): which a process is started in, and what it does in them first.

use crate::{Jail, JailPart};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// One kind of namespace.
struct Kind {
    flag: libc::c_int,
    part: JailPart,
    holds: &'static str,
    name: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind {
        flag: libc::CLONE_NEWNS,
        part: JailPart::Mounts,
        holds: "It has mounts of its own.",
        name: "mount",
    },
    Kind {
        flag: libc::CLONE_NEWPID,
        part: JailPart::Processes,
        holds: "It sees and signals no process but its own.",
        name: "process",
    },
    Kind {
        flag: libc::CLONE_NEWNET,
        part: JailPart::Network,
        holds: "It has a network of its own with nothing in it.",
        name: "network",
    },
    Kind {
        flag: libc::CLONE_NEWIPC,
        part: JailPart::Ipc,
        holds: "It has message queues and shared memory of its own.",
        name: "ipc",
    },
    Kind {
        flag: libc::CLONE_NEWUTS,
        part: JailPart::Hostname,
        holds: "It has a host name of its own.",
        name: "host name",
    },
];

/// The name that a jailed process finds for its host.
const HOSTNAME: &[u8] = b"oriel";

/// What a process was started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// `CLONE_NEW…` of clone(2).
    flags: libc::c_int,
    /// The process is to stay in its parent's network.
    shares_network: bool,
    /// What the kernel said when it refused the first of those that are not there (errno(3)).
    refusal: Option<i32>,
}

impl Namespaces {
    /// All of them, but the network if that is shared; `own_user` puts them into a user namespace,
    /// as a process without rights must.
    pub(crate) fn all(shares_network: bool, own_user: bool) -> Self {
        let mut flags = if own_user { libc::CLONE_NEWUSER } else { 0 };
        flags |= KINDS.iter().map(|kind| kind.flag).filter(|flag| wanted(*flag, shares_network)).sum::<i32>();
        Self { flags, shares_network, refusal: None }
    }

    /// Those of which `had` says that they can be had one by one.
    pub(crate) fn some(shares_network: bool, had: impl Fn(libc::c_int) -> Result<(), Errno>) -> Self {
        let mut refusal = None;
        let mut had = |flag| match had(flag) {
            Ok(()) => true,
            Err(errno) => {
                refusal.get_or_insert(errno.raw_os_error());
                false
            }
        };
        // A privileged process needs no user namespace, and none other can do without.
        let user = if had(libc::CLONE_NEWUTS) { 0 } else { libc::CLONE_NEWUSER };
        let mut flags = user;
        for kind in KINDS.iter().filter(|kind| wanted(kind.flag, shares_network)) {
            if had(user | kind.flag) {
                flags |= kind.flag;
            }
        }
        let flags = if flags == libc::CLONE_NEWUSER { 0 } else { flags };
        Self { flags, shares_network, refusal }
    }

    /// For clone(2).
    pub(crate) fn flags(self) -> libc::c_int {
        self.flags
    }

    /// Whether they lie in a user namespace of their own.
    pub fn own_user(self) -> bool {
        self.flags & libc::CLONE_NEWUSER != 0
    }

    /// Whether mounts can be changed without the host noticing.
    pub(crate) fn own_mounts(self) -> bool {
        self.flags & libc::CLONE_NEWNS != 0
    }

    /// Does in the new namespaces what is to be done in them, and tells of them.
    pub(crate) fn settle(self, report: &mut Jail) {
        if self.flags & libc::CLONE_NEWUTS != 0 {
            // A name is all that is at stake: the host's own shines through if this fails.
            let _ = rustix::system::sethostname(HOSTNAME);
        }
        for kind in &KINDS {
            if kind.part == JailPart::Network && self.shares_network {
                report.add(kind.part, true, "It shares the host's network, as is its task.");
            } else if self.flags & kind.flag != 0 {
                report.add(kind.part, true, kind.holds);
            } else {
                report.add(kind.part, false, self.sorry(kind.name));
            }
        }
    }

    fn sorry(self, name: &str) -> String {
        let why = self
            .refusal
            .map_or_else(String::new, |errno| format!(" ({})", std::io::Error::from_raw_os_error(errno)));
        format!(
            "The host gives no {name} namespace{why}; allow user namespaces (sysctl user.max_user_namespaces, \
             kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns) or start Oriel as root."
        )
    }
}

fn wanted(flag: libc::c_int, shares_network: bool) -> bool {
    flag != libc::CLONE_NEWNET || !shares_network
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_takes_none_of_a_user_and_others_take_one() {
        let privileged = Namespaces::some(false, |_| Ok(()));
        assert_eq!(privileged, Namespaces::all(false, false));
        let ordinary = Namespaces::some(false, |flags| match flags & libc::CLONE_NEWUSER {
            0 => Err(Errno::PERM),
            _ => Ok(()),
        });
        assert_eq!(ordinary.flags(), Namespaces::all(false, true).flags());
    }

    #[test]
    fn what_is_refused_is_told_with_the_reason() {
        let without_network = Namespaces::some(false, |flags| match flags & libc::CLONE_NEWNET {
            0 => Ok(()),
            _ => Err(Errno::INVAL),
        });
        let mut report = Jail::default();
        // Nothing was started in these, so the name of this host stays.
        Namespaces { flags: without_network.flags & !libc::CLONE_NEWUTS, ..without_network }
            .settle(&mut report);
        let lost: Vec<_> = report.missing().map(|part| part.part).collect();
        assert_eq!(lost, [JailPart::Network, JailPart::Hostname]);
        assert!(report.missing().all(|part| part.text.contains("Invalid argument")));
    }

    #[test]
    fn nothing_can_be_had_and_nothing_is_asked_for() {
        let none = Namespaces::some(false, |_| Err(Errno::PERM));
        assert_eq!(none.flags(), 0);
    }
}
