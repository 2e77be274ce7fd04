//! Who a jailed process is.
//!
//! Started by root, it becomes a user that nobody else is: number [`FIRST`] plus twice its
//! supervisor's process number, the odd one after it for the supervisor's helpers. Process numbers are
//! below 2^22, and one that runs has its own, so nothing is to be written down or given back. The
//! range 1879048192 to 1887436799 lies where systemd's list of users and groups has none
//! (<https://systemd.io/UIDS-GIDS>) and files on disk belong to nobody.
//!
//! Started by anybody else, it stays that user on the host, in a user namespace in which no other
//! exists.

use crate::namespaces::Namespaces;
use crate::{Jail, JailPart};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::{Deserialize, Serialize};

/// The first user of the range.
pub const FIRST: u32 = 0x7000_0000;

/// nobody and nogroup, for a container in which the range does not exist.
const NOBODY: u32 = 65534;

/// Which of a supervisor's processes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The machine.
    Machine,
    /// What serves it from outside of its jail.
    Helper,
}

/// Whom a process becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User and group; `None` to stay who one is.
    id: Option<u32>,
    /// Groups besides, as those of devices that it opens itself.
    groups: Vec<u32>,
}

impl Identity {
    /// For a process of the supervisor that calls this. `groups` matter only to root, others keep theirs.
    pub fn choose(role: Role, groups: Vec<u32>) -> Self {
        let supervisor = std::process::id().saturating_mul(2);
        let place = match role {
            Role::Machine => supervisor,
            Role::Helper => supervisor.saturating_add(1),
        };
        let root = rustix::process::geteuid().is_root();
        Self { id: root.then(|| FIRST.saturating_add(place)), groups }
    }

    /// Becomes it, for good.
    pub(crate) fn take(&self, namespaces: Namespaces, report: &mut Jail) {
        let part = JailPart::Identity;
        let Some(id) = self.id else {
            let own = rustix::process::geteuid().as_raw();
            if namespaces.own_user() {
                let text = format!("It is user {own} in a user namespace in which no other exists.");
                report.add(part, true, text);
            } else {
                let text = format!(
                    "It is user {own} as whoever started it: a user of its own takes root or user namespaces."
                );
                report.add(part, false, text);
            }
            return;
        };
        match self.become_user(id) {
            Ok(()) => report.add(part, true, format!("It is user {id}, which nobody else is.")),
            Err(error) => {
                let fallen = match self.become_user(NOBODY) {
                    Ok(()) => "nobody",
                    Err(_) => "root",
                };
                report.add(
                    part,
                    false,
                    format!("It is {fallen}: user {id} cannot be had ({error}); map 1879048192 to 1887436799 into this container."),
                );
            }
        }
    }

    fn become_user(&self, id: u32) -> rustix::io::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        set_thread_groups(&groups)?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_and_its_helper_are_two_users_in_the_range() {
        let [machine, helper] =
            [Role::Machine, Role::Helper].map(|role| Identity::choose(role, Vec::new()).id);
        if rustix::process::geteuid().is_root() {
            assert_eq!(machine.unwrap() + 1, helper.unwrap());
            assert!((FIRST..FIRST + (2 << 22)).contains(&helper.unwrap()));
        } else {
            assert_eq!((machine, helper), (None, None), "others cannot become anybody");
        }
    }
}
