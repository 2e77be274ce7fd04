//! From the machine's start to its end.

use super::exit_status;
use super::helpers::Helpers;
use super::messages::{FromMachine, LONGEST_FROM_MACHINE, ToMachine};
use crate::signals::Termination;
use oriel_jail::Child;
use oriel_jail::packets::Packets;
use oriel_vmm_api::{ExitReport, MachineConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A machine that said farewell has so long to be gone.
const FAREWELL: Duration = Duration::from_secs(5);
/// One that was told to end has so long to say it.
const OBEDIENCE: Duration = Duration::from_secs(10);

/// Hears the machine, gives it what it asks for and passes on that it is to end, until it has ended.
///
/// # Errors
/// When the host is out of descriptors.
pub(super) fn until_its_end(
    child: &Child,
    channel: &Packets,
    config: &MachineConfig,
) -> io::Result<ExitReport> {
    let termination = Termination::new()?;
    let mut helpers = Helpers::new(config);
    let mut words = None;
    let mut deadline = None;
    let mut channel_open = true;
    loop {
        let watched = [child.pidfd(), termination.as_fd(), channel.as_fd()];
        let mut wanted: Vec<PollFd<'_>> = watched
            .into_iter()
            .take(if channel_open { 3 } else { 2 })
            .chain(helpers.pidfds())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let polled = poll(&mut wanted, left(deadline).as_ref());
        let mut ready = wanted.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let mut next = || ready.next().unwrap_or_default();
        let (ended, told, said) = (next(), next(), channel_open && next());
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
        if told {
            termination.take();
            if deadline.is_none() {
                tracing::info!("told to end");
            }
            // One that cannot hear is ended when its time is over.
            let _ = channel.send(&ToMachine::Stop, &[]);
            deadline.get_or_insert_with(|| Instant::now() + OBEDIENCE);
        }
        if said {
            match channel.receive(LONGEST_FROM_MACHINE) {
                Ok(Some((FromMachine::Ended(said), _))) => {
                    words.get_or_insert(said);
                }
                Ok(Some((FromMachine::Connect(network), _))) => connect(&mut helpers, network, channel),
                Ok(Some((FromMachine::Jailed(_), _))) => {}
                Ok(None) => channel_open = false,
                Err(error) => {
                    tracing::error!(%error, "the machine said something that is not understood");
                    channel_open = false;
                }
            }
            if words.is_some() || !channel_open {
                deadline = Some(Instant::now() + FAREWELL);
            }
        } else if ended {
            // All that it said was heard before.
            let ending = child.wait()?;
            return Ok(words.unwrap_or_else(|| exit_status::exit_report(ending)));
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
