//! From the machine's start to its end.

use super::exit_status;
use super::helpers::Helpers;
use crate::launch::{FromMachine, MAX_FROM_MACHINE, ToMachine};
use crate::signals::Termination;
use oriel_jail::Child;
use oriel_jail::packets::Packets;
use oriel_vmm_api::{ExitReport, MachineConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Time between a machine's exit report and the end of its process.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between the supervisor's request to stop and the machine's exit report.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the machine's messages, forwards termination to it, and waits for its end: its exit report.
///
/// # Errors
/// When the host is out of descriptors.
pub(super) fn supervise(child: &Child, channel: &Packets, config: &MachineConfig) -> io::Result<ExitReport> {
    let termination = Termination::new()?;
    let mut helpers = Helpers::new(config);
    let mut report = None;
    let mut deadline = None;
    let mut channel_open = true;
    loop {
        let watched = [child.pidfd(), termination.as_fd(), channel.as_fd()];
        let mut polled_fds: Vec<PollFd<'_>> = watched
            .into_iter()
            .take(if channel_open { 3 } else { 2 })
            .chain(helpers.pidfds())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let polled = poll(&mut polled_fds, left(deadline).as_ref());
        let mut ready = polled_fds.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let mut next = || ready.next().unwrap_or_default();
        let (ended, terminated, message_ready) = (next(), next(), channel_open && next());
        let reaped: Vec<bool> = ready.collect();
        match polled {
            Ok(0) => {
                child.kill();
                deadline = None;
            }
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        helpers.reap(&reaped);
        if terminated {
            termination.take();
            if deadline.is_none() {
                tracing::info!("a signal ends the machine");
            }
            // One that cannot hear is ended when its time is over.
            let _ = channel.send(&ToMachine::Stop, &[]);
            deadline.get_or_insert_with(|| Instant::now() + STOP_TIMEOUT);
        }
        if message_ready {
            match channel.receive(MAX_FROM_MACHINE) {
                Ok(Some((FromMachine::Ended(ended_report), _))) => {
                    report.get_or_insert(ended_report);
                }
                Ok(Some((FromMachine::Connect(network), _))) => connect(&mut helpers, network, channel),
                Ok(Some((FromMachine::Jailed(_), _))) => {}
                Ok(None) => channel_open = false,
                Err(error) => {
                    tracing::error!(%error, "the machine sent a message that is not understood");
                    channel_open = false;
                }
            }
            if report.is_some() || !channel_open {
                deadline = Some(Instant::now() + EXIT_TIMEOUT);
            }
        } else if ended {
            // Its messages were received before.
            let ending = child.wait()?;
            return Ok(report.unwrap_or_else(|| exit_status::exit_report(ending)));
        }
    }
}

fn connect(helpers: &mut Helpers<'_>, network: usize, channel: &Packets) {
    let sent = match helpers.connect(network) {
        Ok(socket) => channel.send(&ToMachine::Connected, &[socket.as_fd()]),
        Err(error) => {
            tracing::warn!(network, %error, "passt could not be started");
            channel.send(&ToMachine::NotConnected(error.to_string()), &[])
        }
    };
    if let Err(error) = sent {
        tracing::warn!(%error, "the machine does not hear");
    }
}

fn left(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() })
}
