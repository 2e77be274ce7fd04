//! Supervision of a machine's process from its start to its end: its messages, helpers, signals and
//! deadlines.

use super::exit_status;
use super::helpers::Helpers;
use super::stop::{StopAction, StopSequence};
use crate::launch::{FromMachine, MAX_FROM_MACHINE, ToMachine};
use crate::signals::Termination;
use oriel_jail::Child;
use oriel_jail::packets::Packets;
use oriel_vmm_api::{ExitReport, MachineConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Handles the machine's messages, stops the machine on SIGTERM and SIGINT (see [`StopSequence`]), and waits
/// for the end of the process. Returns the received exit report, or one derived from the exit status.
///
/// # Errors
/// An error of the system when the host is out of descriptors or waiting fails.
pub(super) fn supervise(child: &Child, channel: &Packets, config: &MachineConfig) -> io::Result<ExitReport> {
    let termination = Termination::new()?;
    let mut helpers = Helpers::new(config);
    let mut report = None;
    let mut stop = StopSequence::new(Duration::from_secs(config.stop_grace_s.into()));
    let mut channel_open = true;
    loop {
        let watched = [child.pidfd(), termination.as_fd(), channel.as_fd()];
        let mut polled_fds: Vec<PollFd<'_>> = watched
            .into_iter()
            .take(if channel_open { 3 } else { 2 })
            .chain(helpers.pidfds())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let polled = poll(&mut polled_fds, time_left(stop.deadline()).as_ref());
        let mut ready = polled_fds.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let mut next = || ready.next().unwrap_or_default();
        let (ended, terminated, message_ready) = (next(), next(), channel_open && next());
        let reaped: Vec<bool> = ready.collect();
        match polled {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        helpers.reap(&reaped);
        if terminated {
            let signal = termination.take();
            carry_out(signal.and_then(|signal| stop.signalled(signal, Instant::now())), child, channel);
        }
        carry_out(stop.elapsed(Instant::now()), child, channel);
        if message_ready {
            match channel.receive(MAX_FROM_MACHINE) {
                Ok(Some((FromMachine::Ended(ended_report), _))) => {
                    report.get_or_insert(ended_report);
                }
                Ok(Some((FromMachine::Connect(network), _))) => connect(&mut helpers, network, channel),
                Ok(Some((FromMachine::Jailed(_), _))) => {}
                Ok(None) => channel_open = false,
                Err(error) => {
                    tracing::error!(%error, "the machine sent an invalid message: its process is killed");
                    channel_open = false;
                }
            }
            if report.is_some() || !channel_open {
                stop.exiting(Instant::now());
            }
        } else if ended {
            // All messages of the process were received before this iteration.
            let ending = child.wait()?;
            return Ok(report.unwrap_or_else(|| exit_status::exit_report(ending)));
        }
    }
}

/// Carries out what is due in a stop. A machine that does not receive a request is ended at the deadline.
fn carry_out(action: Option<StopAction>, child: &Child, channel: &Packets) {
    match action {
        Some(StopAction::ShutDown) => {
            tracing::info!("SIGTERM was received: the guest is requested to shut down");
            let _ = channel.send(&ToMachine::ShutDown, &[]);
        }
        Some(StopAction::Stop) => {
            tracing::info!("the machine is stopped");
            let _ = channel.send(&ToMachine::Stop, &[]);
        }
        Some(StopAction::Kill) => child.kill(),
        None => {}
    }
}

/// Starts the passt that the machine requested, and sends its socket or the error.
fn connect(helpers: &mut Helpers<'_>, network: usize, channel: &Packets) {
    let sent = match helpers.connect(network) {
        Ok(socket) => channel.send(&ToMachine::Connected, &[socket.as_fd()]),
        Err(error) => {
            oriel_vmm_api::log_limited!(warn, network, %error, "passt could not be started");
            channel.send(&ToMachine::NotConnected(error.to_string()), &[])
        }
    };
    if let Err(error) = sent {
        oriel_vmm_api::log_limited!(warn, %error, "the answer to a request for passt could not be sent to the machine");
    }
}

/// Returns the time until `deadline`, as the timeout of poll(2); `None` waits forever.
fn time_left(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() })
}
