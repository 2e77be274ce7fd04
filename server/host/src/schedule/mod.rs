//! Which desktops come first on the host's processors, and what each may use of the host.
//!
//! Encoders of many desktops compete, and each lives in a process of its own that another desktop's
//! guest may have taken over: they cannot be trusted to take turns. So the kernel's scheduler does
//! it, which is fair and starves nobody, and each desktop's weight follows from what people do
//! there: three times as much for one that is worked with as for one that is only seen, and three
//! times as much for that as for one that nobody sees.

mod cgroup;

pub use cgroup::{CgroupLimits, Cgroups, Entrance, MOUNT as CGROUP_MOUNT, check as check_cgroups};

use rustix::io::Errno;
use rustix::process::{Pid, setpriority_pgrp};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// How desktops are given their weight.
#[derive(Debug, Clone)]
pub enum Scheduler {
    /// By `cpu.weight` of their control groups.
    Groups(Cgroups),
    /// By the nice values of their processes.
    Nice,
}

impl Scheduler {
    /// Gives a desktop, whose processes are those of the process group `group`, the weight of its priority.
    ///
    /// # Errors
    /// The kernel's. Without control groups only root may raise a priority again.
    pub fn set_priority(&self, desktop: &str, group: u32, priority: Priority) -> io::Result<()> {
        match self {
            Self::Groups(cgroups) => cgroups.set_weight(desktop, cpu_weight(priority)),
            Self::Nice => {
                let nice = nice(priority);
                set_autogroup(group, nice)?;
                // No number would be this server's own group.
                let group = i32::try_from(group).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
                match setpriority_pgrp(Some(group), nice) {
                    // It has just ended.
                    Err(Errno::SRCH) => Ok(()),
                    done => Ok(done?),
                }
            }
        }
    }
}

/// Where the kernel makes a group of each session (sched(7), "The autogroup feature"), nice values
/// only count within it, and it has one of its own. `leader` is the session's leader.
fn set_autogroup(leader: u32, nice: i32) -> io::Result<()> {
    match fs::write(format!("/proc/{leader}/autogroup"), nice.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// How much a desktop matters to people now, and so how much of contested processors its machine gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Nobody sees the desktop.
    Unwatched,
    /// Somebody sees the desktop.
    Watched,
    /// Somebody works with the desktop.
    Used,
}

impl Priority {
    /// All priorities, the least first.
    pub const ALL: [Self; 3] = [Self::Unwatched, Self::Watched, Self::Used];

    /// The priority as metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Watched => "watched",
            Self::Used => "used",
        }
    }
}

/// `cpu.weight` (cgroup-v2.rst).
fn cpu_weight(priority: Priority) -> u32 {
    match priority {
        Priority::Used => 300,
        Priority::Watched => 100,
        Priority::Unwatched => 33,
    }
}

/// Each step is a quarter more or less: the weights above, as nearly as can be.
fn nice(priority: Priority) -> i32 {
    match priority {
        Priority::Used => 0,
        Priority::Watched => 5,
        Priority::Unwatched => 10,
    }
}
