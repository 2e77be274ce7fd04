//! Helper processes of a desktop: for each network interface with that backend a passt, and an egress filter
//! between machine and passt, each in its own jail.
//!
//! The machine requests both through the supervisor, at the start and after each end of one of them: the other
//! one ends with its socket. Packets do not pass through the supervisor.

use super::{OWN_PROGRAM, plan, start};
use crate::launch::{HELPER_SOCKET, LaunchSpec};
use oriel_jail::{Child, ExitStatus, Started};
use oriel_net::{EgressPolicy, HostRoutes, PasstProgram};
use oriel_vmm_api::{Link, MachineConfig, name_servers};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Minimum time between two starts of passt for one interface, so that a hostile machine cannot exhaust the
/// host.
const MIN_START_INTERVAL: Duration = Duration::from_millis(50);

/// Kind of helper process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Egress filter, which runs this program.
    EgressFilter,
    /// passt.
    Passt,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EgressFilter => "the egress filter",
            Self::Passt => "passt",
        })
    }
}

/// Running helper processes of a desktop. Dropping it kills them.
pub(super) struct Helpers<'a> {
    config: &'a MachineConfig,
    /// Running processes by the index of their interface and their kind.
    running: BTreeMap<(usize, Kind), Child>,
    /// Time of the latest start by the index of the interface.
    started: BTreeMap<usize, Instant>,
}

impl<'a> Helpers<'a> {
    /// Creates the set for the interfaces of `config`, without any process.
    pub fn new(config: &'a MachineConfig) -> Self {
        Self { config, running: BTreeMap::new(), started: BTreeMap::new() }
    }

    /// Starts a new passt with its egress filter for the interface with the index `network`, after killing the
    /// previous ones, and returns the machine's end of the filter's socket.
    ///
    /// # Errors
    /// An error when the interface does not exist or has another backend, a process does not start, or the latest
    /// start is less than 50 ms ago. No process is left running without the other.
    pub fn connect(&mut self, network: usize) -> io::Result<OwnedFd> {
        let link = self.config.networks.get(network).map(|network| &network.link);
        let Some(Link::Passt { egress }) = link else {
            return Err(io::Error::other("this interface does not lead to passt"));
        };
        if self.started.get(&network).is_some_and(|started| started.elapsed() < MIN_START_INTERVAL) {
            return Err(io::Error::other("passt was started a moment ago"));
        }
        self.stop(network)?;
        self.started.insert(network, Instant::now());
        let policy = EgressPolicy { rules: egress.clone(), name_servers: name_servers() };
        let connected = self.start_both(network, policy);
        if connected.is_err() {
            self.stop(network)?;
        }
        connected
    }

    /// Kills the processes of an interface.
    fn stop(&mut self, network: usize) -> io::Result<()> {
        for kind in [Kind::EgressFilter, Kind::Passt] {
            if let Some(old) = self.running.remove(&(network, kind)) {
                old.kill();
                old.wait()?;
            }
        }
        Ok(())
    }

    /// Starts the egress filter and passt of an interface, and returns the machine's socket to the filter. passt
    /// is started last, so that it never runs without the filter.
    fn start_both(&mut self, network: usize, policy: EgressPolicy) -> io::Result<OwnedFd> {
        let (machine, of_machine) = UnixStream::pair()?;
        let (to_passt, of_passt) = UnixStream::pair()?;
        let arguments = PasstProgram::arguments(HELPER_SOCKET, &policy.name_servers);
        let routes = HostRoutes::open_sockets()?;

        let (Started { child, namespaces }, channel) = start(Path::new(OWN_PROGRAM), &[], false)?;
        self.running.insert((network, Kind::EgressFilter), child);
        let spec = LaunchSpec::EgressFilter { plan: plan::for_egress_filter(namespaces), policy };
        let [requests, changes] = &routes;
        channel.send(&spec, &[of_machine.as_fd(), to_passt.as_fd(), requests.as_fd(), changes.as_fd()])?;

        let (Started { child, namespaces }, channel) =
            start(Path::new(OWN_PROGRAM), &[of_passt.as_fd()], true)?;
        self.running.insert((network, Kind::Passt), child);
        let program = PasstProgram::find()?.path().to_owned();
        channel.send(&LaunchSpec::Helper { plan: plan::for_passt(namespaces), program, arguments }, &[])?;
        Ok(machine.into())
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
        self.running.retain(|(network, kind), child| {
            if ended.next() != Some(&true) {
                return true;
            }
            match child.wait() {
                // Both end so when the machine closes the socket.
                Ok(ExitStatus::Exited(0)) => tracing::debug!(network, "{kind} ended"),
                Ok(ending) => oriel_vmm_api::log_limited!(warn, network, ?ending, "{kind} ended"),
                Err(error) => oriel_vmm_api::log_limited!(warn, network, %error, "{kind} ended"),
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
