//! Landlock rule set of a jailed process (landlock(7)): files, TCP connections, signals.
//!
//! The rule set overlaps with the root folder and the namespaces, and remains in force on hosts that
//! lack those.

use crate::{Jail, JailPart};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Newest Landlock ABI in use; an older kernel enforces the part that it supports.
const NEWEST: ABI = ABI::V9;

/// Files that a process may open in addition to its passed descriptors. All paths are paths in the root
/// folder of the jail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsAccess {
    /// Files and folders (with their contents) that the process may read and execute.
    pub read: Vec<PathBuf>,
    /// Devices that the process may read, write, and control by ioctl(2).
    pub devices: Vec<PathBuf>,
}

impl FsAccess {
    /// Restricts this thread and later threads to the rule set, and reports on the part.
    pub(crate) fn enforce(&self, report: &mut Jail) {
        let part = JailPart::Landlock;
        match self.restrict() {
            Ok(RulesetStatus::FullyEnforced) => {
                report.add(part, true, "Landlock forbids all files, connections and signals that the process does not need.");
            }
            Ok(RulesetStatus::PartiallyEnforced) => {
                let text = "Landlock forbids all files that the process does not need, and those connections and signals that this kernel can restrict.";
                report.add(part, true, text);
            }
            Ok(RulesetStatus::NotEnforced) => report.add(
                part,
                false,
                "This kernel has no Landlock, or it is switched off; add landlock to lsm= on the host's kernel command line.",
            ),
            Err(error) => report.add(part, false, format!("The Landlock rule set could not be applied: {error}.")),
        }
    }

    /// Builds the rule set and applies it (landlock_restrict_self(2)).
    fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
        let read = AccessFs::from_read(NEWEST);
        let use_device: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        for (paths, access) in [(&self.read, read), (&self.devices, use_device)] {
            for path in paths {
                // A missing file needs no rule.
                let Ok(found) = PathFd::new(path) else { continue };
                let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
                rules = rules.add_rule(PathBeneath::new(found, access))?;
            }
        }
        Ok(rules.restrict_self()?.ruleset)
    }
}
