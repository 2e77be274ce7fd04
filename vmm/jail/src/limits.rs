//! Limits of resources (getrlimit(2)).

use crate::{Jail, JailPart};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// What a process may have at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Open descriptors.
    pub descriptors: u64,
    /// Processes and threads of its user.
    pub processes: u64,
}

impl Limits {
    pub(crate) fn set(&self, report: &mut Jail) {
        // None of the size of files: those that it writes are disks.
        let wanted = [
            // A core file would hold the guest's memory.
            (Resource::Core, 0),
            (Resource::Nofile, self.descriptors),
            (Resource::Nproc, self.processes),
        ];
        let set = wanted.into_iter().try_for_each(|(resource, limit)| lower(resource, limit));
        match set {
            Ok(()) => report.add(
                JailPart::Limits,
                true,
                format!(
                    "It may open {} descriptors and have {} threads, and leaves no core file.",
                    self.descriptors, self.processes
                ),
            ),
            Err(error) => {
                report.add(JailPart::Limits, false, format!("Its limits could not be set: {error}."));
            }
        }
    }
}

/// Sets a limit, or keeps a lower one that is there already.
fn lower(resource: Resource, limit: u64) -> rustix::io::Result<()> {
    let least = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
    setrlimit(resource, Rlimit { current: Some(least), maximum: Some(least) })
}
