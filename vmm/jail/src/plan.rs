//! What a process is to be jailed as, and putting it up.

use crate::identity::Identity;
use crate::landlock::FsAccess;
use crate::limits::Limits;
use crate::namespaces::Namespaces;
use crate::root::Entry;
use crate::seccomp::{self, Filter};
use crate::{Jail, capabilities, cgroup, environment, root};
use rustix::process::{DumpableBehavior, Signal};
use serde::{Deserialize, Serialize};

/// What a process is to be jailed as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What it was started in.
    pub namespaces: Namespaces,
    /// Whom it becomes.
    pub identity: Identity,
    /// What is in its root folder.
    pub root: Vec<Entry>,
    /// What it may open there; `None` for a program that mounts, which Landlock forbids to all.
    pub fs_access: Option<FsAccess>,
    /// What it may have at most.
    pub limits: Limits,
    /// The system calls of all its threads; each may narrow its own. `None` for a program that
    /// brings a filter of its own.
    pub filter: Option<Filter>,
}

/// Jails this process for good and tells what holds. To be called while it has one thread and has
/// seen no byte that is not trusted; `descriptors` is how many it was handed. It dies with whoever
/// started it from here on.
pub fn enter(plan: &Plan, descriptors: usize) -> Jail {
    let mut report = Jail::default();
    let jail = &mut report;
    environment::check(jail);
    crate::descriptors::check(descriptors, jail);
    cgroup::look(jail);
    plan.namespaces.settle(jail);
    root::enter(&plan.root, plan.namespaces, jail);
    plan.limits.set(jail);
    let closed = capabilities::close_ways_back();
    plan.identity.take(plan.namespaces, jail);
    capabilities::drop_all(closed, jail);
    // A change of identity made it forget that.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // Others of the same user shall not look into it (ptrace(2), proc(5)).
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Some(fs_access) = &plan.fs_access {
        fs_access.enforce(jail);
    }
    if let Some(filter) = plan.filter {
        seccomp::enter(filter, jail);
    }
    report
}
