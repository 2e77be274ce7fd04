//! User and group of a jailed process.
//!
//! Under root, the machine gets user [`FIRST`] + 2 * supervisor's process number, and its helpers the
//! number after it. Process numbers are unique and below 2^22 (proc(5), pid_max), so no allocation is
//! kept. systemd assigns nothing in 1879048192 to 1887436799 (<https://systemd.io/UIDS-GIDS>).
//! Under another user, the process keeps that user, alone in a new user namespace.

use crate::namespaces::Namespaces;
use crate::{Jail, JailPart};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::{Deserialize, Serialize};

/// First user number of the range for jailed processes.
pub const FIRST: u32 = 0x7000_0000;

/// User nobody and group nogroup, for a container in which the range is not mapped.
const NOBODY: u32 = 65534;

/// Role of a process of a supervisor; each role has a user of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Machine's process, which runs the guest.
    Machine,
    /// Helper of the machine in a jail of its own, such as passt.
    Helper,
}

/// User and groups that a process takes in its jail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User and group number; `None` to keep the current user and group.
    id: Option<u32>,
    /// Supplementary groups, such as those of devices that the process opens itself.
    groups: Vec<u32>,
}

impl Identity {
    /// Chooses the identity for a process of the calling supervisor. `groups` take effect only under root;
    /// under another user the process keeps its groups.
    pub fn choose(role: Role, groups: Vec<u32>) -> Self {
        let supervisor = std::process::id().saturating_mul(2);
        let place = match role {
            Role::Machine => supervisor,
            Role::Helper => supervisor.saturating_add(1),
        };
        let root = rustix::process::geteuid().is_root();
        Self { id: root.then(|| FIRST.saturating_add(place)), groups }
    }

    /// Changes user and groups of this thread irrevocably, and reports on the part. Falls back to the user
    /// nobody when the number is not mapped.
    pub(crate) fn take(&self, namespaces: Namespaces, report: &mut Jail) {
        let part = JailPart::Identity;
        let Some(id) = self.id else {
            let own = rustix::process::geteuid().as_raw();
            if namespaces.own_user() {
                let text = format!("The process is user {own}, alone in a user namespace.");
                report.add(part, true, text);
            } else {
                let text = format!(
                    "The process keeps user {own} of its starter; start Oriel as root or allow user namespaces."
                );
                report.add(part, false, text);
            }
            return;
        };
        match self.become_user(id) {
            Ok(()) => {
                report.add(part, true, format!("The process is user {id}, which no other process has."))
            }
            Err(error) => {
                let fallen = match self.become_user(NOBODY) {
                    Ok(()) => "nobody",
                    Err(_) => "root",
                };
                report.add(
                    part,
                    false,
                    format!("The process is {fallen}: user {id} is not available ({error}); map the users 1879048192 to 1887436799 into this container."),
                );
            }
        }
    }

    /// Sets the supplementary groups, and user and group to `id`.
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
            assert_eq!((machine, helper), (None, None), "only root can change its user");
        }
    }
}
