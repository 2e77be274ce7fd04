//! Who comes first on the host's processors.
//!
//! Encoders of many desktops compete, and each lives in a process of its own that another desktop's
//! guest may have taken over: they cannot be trusted to take turns. So the kernel's scheduler does
//! it, which is fair and starves nobody, and each desktop's weight follows from what people do
//! there: three times as much for one that is worked with as for one that is only seen, and three
//! times as much for that as for one that nobody sees.

use super::audience::Attention;
use super::cgroup::Cgroups;
use rustix::io::Errno;
use rustix::process::{Pid, setpriority_pgrp};
use std::fs;
use std::io;

/// How desktops are given their weight.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// By their control groups.
    Groups(Cgroups),
    /// By their processes' nice values.
    Nice,
}

impl Schedule {
    /// Gives the desktop, whose processes are those of `group`, its weight.
    ///
    /// # Errors
    /// The kernel's. Without control groups only root may give weight back.
    pub fn weigh(&self, desktop: &str, group: u32, attention: Attention) -> io::Result<()> {
        match self {
            Self::Groups(cgroups) => cgroups.weigh(desktop, cpu_weight(attention)),
            Self::Nice => {
                let nice = nice(attention);
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

/// `cpu.weight` (cgroup-v2.rst).
fn cpu_weight(attention: Attention) -> u32 {
    match attention {
        Attention::Used => 300,
        Attention::Watched => 100,
        Attention::Unwatched => 33,
    }
}

/// Each step is a quarter more or less: the weights above, as nearly as can be.
fn nice(attention: Attention) -> i32 {
    match attention {
        Attention::Used => 0,
        Attention::Watched => 5,
        Attention::Unwatched => 10,
    }
}
