//! Sharing of the host's processors among desktops: priorities, and control groups with limits.
//!
//! Encoders of many desktops compete in separate processes, which a guest may have taken over, so the
//! kernel's scheduler decides. A desktop's weight follows from its viewers: a used one has three times the
//! weight of a watched one, and that three times the weight of one without viewers.

mod cgroup;

pub use cgroup::{CgroupLimits, Cgroups, Entrance, MOUNT as CGROUP_MOUNT, check as check_cgroups};

use rustix::io::Errno;
use rustix::process::{Pid, setpriority_pgrp};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// Means by which priorities are applied to machines.
#[derive(Debug, Clone)]
pub enum Scheduler {
    /// Control groups: the priority sets `cpu.weight`.
    Groups(Cgroups),
    /// Nice values of the machines' processes, on a host without control groups.
    Nice,
}

impl Scheduler {
    /// Applies a priority to a desktop's machine, whose processes are those of the process group `group`.
    ///
    /// # Errors
    /// The kernel's error. Without control groups only root may raise a priority again.
    pub fn set_priority(&self, desktop: &str, group: u32, priority: Priority) -> io::Result<()> {
        match self {
            Self::Groups(cgroups) => cgroups.set_weight(desktop, cpu_weight(priority)),
            Self::Nice => {
                let nice = nice(priority);
                set_autogroup(group, nice)?;
                // Without a number, setpriority(2) would affect this server's own group.
                let group = i32::try_from(group).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
                match setpriority_pgrp(Some(group), nice) {
                    // The machine has just ended.
                    Err(Errno::SRCH) => Ok(()),
                    done => Ok(done?),
                }
            }
        }
    }
}

/// Sets the nice value of a session's autogroup (sched(7), "The autogroup feature"). Where the kernel groups
/// sessions, nice values of processes count only within the group. `leader` is the session's leader.
fn set_autogroup(leader: u32, nice: i32) -> io::Result<()> {
    match fs::write(format!("/proc/{leader}/autogroup"), nice.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Priority of a desktop's machine on contended processors, from the activity of its viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// The desktop has no viewer.
    Unwatched,
    /// The desktop has a viewer, without recent input.
    Watched,
    /// The desktop has a viewer with recent input.
    Used,
}

impl Priority {
    /// All priorities in ascending order.
    pub const ALL: [Self; 3] = [Self::Unwatched, Self::Watched, Self::Used];

    /// Returns the priority's label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Watched => "watched",
            Self::Used => "used",
        }
    }
}

/// Returns the priority as a `cpu.weight` (Linux' Documentation/admin-guide/cgroup-v2.rst).
fn cpu_weight(priority: Priority) -> u32 {
    match priority {
        Priority::Used => 300,
        Priority::Watched => 100,
        Priority::Unwatched => 33,
    }
}

/// Returns the priority as a nice value. A step of one changes the weight by about a quarter, which yields
/// nearly the ratios of [`cpu_weight`].
fn nice(priority: Priority) -> i32 {
    match priority {
        Priority::Used => 0,
        Priority::Watched => 5,
        Priority::Unwatched => 10,
    }
}
