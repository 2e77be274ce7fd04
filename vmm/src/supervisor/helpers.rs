//! Helper processes of a desktop: one passt for each network interface with that backend, each in its own
//! jail.
//!
//! The machine requests a passt through the supervisor, at the start and after each end of passt. Packets do
//! not pass through the supervisor.

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

/// Minimum time between two starts of passt for one interface, so that a hostile machine cannot exhaust the
/// host.
const MIN_START_INTERVAL: Duration = Duration::from_millis(50);

/// Running helper processes of a desktop. Dropping it kills them.
pub(super) struct Helpers<'a> {
    config: &'a MachineConfig,
    /// Running processes by the index of their interface.
    running: BTreeMap<usize, Child>,
    /// Time of the latest start by the index of the interface.
    started: BTreeMap<usize, Instant>,
}

impl<'a> Helpers<'a> {
    /// Creates the set for the interfaces of `config`, without any process.
    pub fn new(config: &'a MachineConfig) -> Self {
        Self { config, running: BTreeMap::new(), started: BTreeMap::new() }
    }

    /// Starts a new passt for the interface with the index `network`, after killing the previous one, and
    /// returns the machine's end of its socket.
    ///
    /// # Errors
    /// An error when the interface does not exist or has another backend, passt does not start, or the latest
    /// start is less than 50 ms ago.
    pub fn connect(&mut self, network: usize) -> io::Result<OwnedFd> {
        let link = self.config.networks.get(network).map(|network| &network.link);
        if link != Some(&Link::Passt) {
            return Err(io::Error::other("this interface does not lead to passt"));
        }
        if self.started.get(&network).is_some_and(|started| started.elapsed() < MIN_START_INTERVAL) {
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
            plan: plan::for_passt(namespaces),
            program: PasstProgram::find()?.path().to_owned(),
            arguments: PasstProgram::arguments(HELPER_SOCKET),
        };
        channel.send(&spec, &[])?;
        Ok(ours.into())
    }

    /// Returns the process descriptors, in the order of the interfaces; each is readable once its process has
    /// ended.
    pub fn pidfds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.running.values().map(Child::pidfd)
    }

    /// Reaps the processes for which `ended` is true, in the order of [`Self::pidfds`]. The machine detects
    /// their end by the closed socket.
    pub fn reap(&mut self, ended: &[bool]) {
        let mut ended = ended.iter();
        self.running.retain(|network, child| {
            if ended.next() != Some(&true) {
                return true;
            }
            match child.wait() {
                // passt ends so when the machine closes the socket.
                Ok(ExitStatus::Exited(0)) => tracing::debug!(network, "passt ended"),
                Ok(ending) => oriel_vmm_api::log_limited!(warn, network, ?ending, "passt ended"),
                Err(error) => oriel_vmm_api::log_limited!(warn, network, %error, "passt ended"),
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
