//! Resource limits of a jailed process (getrlimit(2)).
//!
//! Memory and processor time are limited by the server's control group, not here.

use crate::{Jail, JailPart};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Resource limits of a process. Core files are always off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest number of open descriptors (`RLIMIT_NOFILE`).
    pub descriptors: u64,
    /// Largest size in bytes of a file that the process writes, memory files included (`RLIMIT_FSIZE`); `None`
    /// for no limit. A write beyond it fails with EFBIG.
    pub file_size: Option<u64>,
    /// Largest number of processes and threads of the process's user (`RLIMIT_NPROC`).
    pub processes: u64,
}

impl Limits {
    /// Sets the limits of this process and reports on the part.
    pub(crate) fn set(&self, report: &mut Jail) {
        let wanted = [
            // A core file would contain the guest's memory.
            (Resource::Core, Some(0)),
            (Resource::Nofile, Some(self.descriptors)),
            (Resource::Nproc, Some(self.processes)),
            (Resource::Fsize, self.file_size),
        ];
        // Otherwise the signal of RLIMIT_FSIZE ends the process, or QEMU, which inherits this.
        // SAFETY: the call changes what a signal does, and runs no handler.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        let wanted = wanted.into_iter().filter_map(|(resource, limit)| Some((resource, limit?)));
        let set = wanted.into_iter().try_for_each(|(resource, limit)| lower(resource, limit));
        match set {
            Ok(()) => report.add(
                JailPart::Limits,
                true,
                format!(
                    "The process may open {} descriptors and have {} threads, and writes no core file.",
                    self.descriptors, self.processes
                ),
            ),
            Err(error) => {
                report.add(
                    JailPart::Limits,
                    false,
                    format!("The limits of the process could not be set: {error}."),
                );
            }
        }
    }
}

/// Sets the soft and the hard limit of `resource`, or keeps a hard limit that is lower already.
fn lower(resource: Resource, limit: u64) -> rustix::io::Result<()> {
    let least = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
    setrlimit(resource, Rlimit { current: Some(least), maximum: Some(least) })
}
