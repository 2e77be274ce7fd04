//! Plan of a jail, and its application to the running process.
//!
//! The supervisor makes a [`Plan`] per process and sends it; the process applies it with [`enter`].

use crate::identity::Identity;
use crate::landlock::FsAccess;
use crate::limits::Limits;
use crate::namespaces::Namespaces;
use crate::root::Entry;
use crate::seccomp::{self, Filter};
use crate::{Jail, capabilities, cgroup, environment, root};
use rustix::process::{DumpableBehavior, Signal};
use serde::{Deserialize, Serialize};

/// Plan of the jail of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Namespaces that the process was started in.
    pub namespaces: Namespaces,
    /// User and groups of the process.
    pub identity: Identity,
    /// Contents of the root folder.
    pub root: Vec<Entry>,
    /// Files in the root folder that the process may open. `None` for a program that mounts file systems,
    /// which Landlock forbids entirely.
    pub fs_access: Option<FsAccess>,
    /// Resource limits of the process.
    pub limits: Limits,
    /// System call filter of all threads. `None` for a program that installs a filter of its own.
    pub filter: Option<Filter>,
}

/// Applies `plan` to this process irrevocably, and returns the report. Must be called while the process
/// has one thread and before untrusted input. `descriptors` is the number of passed descriptors.
///
/// From then on the kernel kills the process when its parent ends (`PR_SET_PDEATHSIG`).
pub fn enter(plan: &Plan, descriptors: usize) -> Jail {
    let mut report = Jail::default();
    let jail = &mut report;
    environment::check(jail);
    crate::descriptors::check(descriptors, jail);
    cgroup::check(jail);
    plan.namespaces.set_up(jail);
    root::enter(&plan.root, plan.namespaces, jail);
    plan.limits.set(jail);
    let prevented = capabilities::prevent_gain();
    plan.identity.take(plan.namespaces, jail);
    capabilities::drop_all(prevented, jail);
    // A change of identity clears the signal that Spawn set (prctl(2), PR_SET_PDEATHSIG).
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // Processes of the same user must not read its memory (ptrace(2), proc(5)).
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Some(fs_access) = &plan.fs_access {
        fs_access.enforce(jail);
    }
    if let Some(filter) = plan.filter {
        seccomp::enter(filter, jail);
    }
    report
}
