//! The passt processes of a desktop: in jails of their own, made anew when the machine asks.

use super::{OWN_PROGRAM, plan, start};
use crate::launch::{HELPER_SOCKET, LaunchSpec};
use oriel_jail::{Child, ExitStatus, Started};
use oriel_net::PasstProgram;
use oriel_vmm_api::{Link, MachineConfig};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A machine gets no more than one in this time for an interface, whatever has become of it.
const AT_MOST_EVERY: Duration = Duration::from_millis(50);

/// Those that run, by the number of their interface.
pub(super) struct Helpers<'a> {
    config: &'a MachineConfig,
    running: BTreeMap<usize, Child>,
    started: BTreeMap<usize, Instant>,
}

impl<'a> Helpers<'a> {
    pub fn new(config: &'a MachineConfig) -> Self {
        Self { config, running: BTreeMap::new(), started: BTreeMap::new() }
    }

    /// Puts a new passt behind an interface, in the place of one that was there: the machine's end
    /// of its socket.
    ///
    /// # Errors
    /// When the interface does not lead to passt, that does not start, or the machine asks too often.
    pub fn connect(&mut self, network: usize) -> io::Result<OwnedFd> {
        let link = self.config.networks.get(network).map(|network| &network.link);
        if link != Some(&Link::Passt) {
            return Err(io::Error::other("this interface does not lead to passt"));
        }
        if self.started.get(&network).is_some_and(|started| started.elapsed() < AT_MOST_EVERY) {
            return Err(io::Error::other("passt was started a moment ago"));
        }
        if let Some(old) = self.running.remove(&network) {
            old.kill();
            old.wait()?;
        }
        let (ours, theirs) = UnixStream::pair()?;
        let (Started { child, namespaces }, channel) =
            start(Path::new(OWN_PROGRAM), &[theirs.as_fd()], true)?;
        self.running.insert(network, child);
        self.started.insert(network, Instant::now());
        let spec = LaunchSpec::Helper {
            plan: plan::of_passt(namespaces),
            program: PasstProgram::find()?.path().to_owned(),
            arguments: PasstProgram::arguments(HELPER_SOCKET),
        };
        channel.send(&spec, &[])?;
        Ok(ours.into())
    }

    /// Readable once one has ended.
    pub fn pidfds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.running.values().map(Child::pidfd)
    }

    /// Takes away those that have ended; the machine notices by itself.
    pub fn reap(&mut self, ended: &[bool]) {
        let mut ended = ended.iter();
        self.running.retain(|network, child| {
            if ended.next() != Some(&true) {
                return true;
            }
            match child.wait() {
                // As it does when the machine lets go of it.
                Ok(ExitStatus::Exited(0)) => tracing::debug!(network, "passt ended"),
                Ok(ending) => tracing::warn!(network, ?ending, "passt ended"),
                Err(error) => tracing::warn!(network, %error, "passt ended"),
            }
            false
        });
    }
}

impl Drop for Helpers<'_> {
    fn drop(&mut self) {
        for child in self.running.values() {
            child.kill();
            let _ = child.wait();
        }
    }
}
