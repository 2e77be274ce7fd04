//! Landlock (landlock(7)): a rule set that a process puts on itself. It forbids once more what an
//! empty root and namespaces keep away, and holds where those cannot be had.

use crate::{Jail, JailPart};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The newest rules known here; an older kernel takes those that it knows.
const NEWEST: ABI = ABI::V9;

/// What a process may open besides what it is handed. All paths are those in its own root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsAccess {
    /// Files to read and programs to run, with everything below folders.
    pub read: Vec<PathBuf>,
    /// Devices to use.
    pub devices: Vec<PathBuf>,
}

impl FsAccess {
    pub(crate) fn enforce(&self, report: &mut Jail) {
        let part = JailPart::Landlock;
        match self.restrict() {
            Ok(RulesetStatus::FullyEnforced) => {
                report.add(part, true, "Landlock forbids all files, connections and signals but its own.");
            }
            Ok(RulesetStatus::PartiallyEnforced) => {
                let text = "Landlock forbids all files but its own, and of connections and signals what this kernel's version of it can.";
                report.add(part, true, text);
            }
            Ok(RulesetStatus::NotEnforced) => report.add(
                part,
                false,
                "This kernel has no Landlock, or it is switched off; add landlock to lsm= on the host's kernel command line.",
            ),
            Err(error) => report.add(part, false, format!("Landlock could not be put up: {error}.")),
        }
    }

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
                // What is not there needs no rule.
                let Ok(found) = PathFd::new(path) else { continue };
                let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
                rules = rules.add_rule(PathBeneath::new(found, access))?;
            }
        }
        Ok(rules.restrict_self()?.ruleset)
    }
}
