//! The first of a desktop's two processes. It has the rights that the server gave it and hears
//! nothing of the guest: it opens what the machine needs, starts the machine's process in its jail,
//! waits for its end and writes down why. When it dies, the machine does.

mod exit_status;
mod helpers;
mod plan;
mod watch;

use crate::control::ControlSocket;
use crate::exit_report;
use crate::host_resources::HostResources;
use crate::launch::{FromMachine, LaunchSpec, MAX_FROM_MACHINE, MachineLaunchSpec};
use crate::sentence::sentence;
use crate::signals;
use oriel_jail::packets::Packets;
use oriel_jail::{Jail, Spawn, Started, descriptors};
use oriel_vmm_api::{ExitReason, ExitReport, MachineConfig};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// This program, for starting it once more.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// The command by which a program knows that it is to be the machine's process.
pub const MACHINE_COMMAND: &str = "machine";

/// Keeps the desktop until it ends. `program` is what runs in the jail, usually [`OWN_PROGRAM`], and
/// `log` what that is to log. To be called before any thread is started.
///
/// # Errors
/// One plain sentence, when it did not start or ended badly. The exit report says the same.
pub fn run(config: &MachineConfig, program: &Path, log: &str) -> Result<(), String> {
    signals::block();
    // Those of an earlier life would mislead.
    let _ = std::fs::remove_file(&config.exit_report);
    let report = launch(config, program, log)
        .unwrap_or_else(|text| ExitReport { reason: ExitReason::FailedToStart, text: sentence(&text) });
    tracing::info!(reason = ?report.reason, "{}", report.text);
    if let Err(error) = exit_report::write(&config.exit_report, &report) {
        tracing::error!(%error, "the exit report cannot be written");
    }
    match report.reason {
        ExitReason::GuestPowerOff | ExitReason::Stopped => Ok(()),
        ExitReason::FailedToStart | ExitReason::Crashed => Err(report.text),
    }
}

fn launch(config: &MachineConfig, program: &Path, log: &str) -> Result<ExitReport, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let host = |error: io::Error| format!("the host refused what starting a desktop needs: {error}");
    let locks = descriptors::inherited_locks().map_err(host)?;
    let socket = ControlSocket::bind(&config.socket).map_err(|error| text(&error))?;
    let listener = socket.listener().map_err(|error| text(&error))?;
    let mut resources = HostResources::open(config, listener, locks).map_err(|error| text(&error))?;
    let (Started { child, namespaces }, channel) = start(program, &[], false).map_err(host)?;
    let plan = plan::of_machine(&mut resources, namespaces);
    let (manifest, descriptors) = resources.pack();
    let spec = LaunchSpec::Machine(Box::new(MachineLaunchSpec {
        config: config.clone(),
        plan,
        manifest,
        supervisor: std::process::id(),
        owner: rustix::process::geteuid().as_raw(),
        log: log.to_owned(),
    }));
    if let Err(error) = channel.send(&spec, &descriptors) {
        child.kill();
        let _ = child.wait();
        return Err(format!("the machine's process cannot be told what to do: {error}"));
    }
    // Only the machine holds its files from here on.
    drop(resources);
    watch::supervise(&child, &channel, config)
        .map_err(|error| format!("the machine cannot be watched: {error}"))
}

/// Starts `program` as a machine's process or a helper's; the other end of the supervisor channel is its first
/// descriptor, and `more` follow.
fn start(program: &Path, more: &[BorrowedFd<'_>], shares_network: bool) -> io::Result<(Started, Packets)> {
    let (ours, theirs) = Packets::pair()?;
    let handed: Vec<BorrowedFd<'_>> = std::iter::once(theirs.as_fd()).chain(more.iter().copied()).collect();
    let started = Spawn::new(program, &["oriel-vmm", MACHINE_COMMAND])?.start(&handed, shares_network)?;
    Ok((started, ours))
}

/// Puts up the jail of our own machine around a process that does nothing, and tells what of it
/// this host gives to this user.
///
/// # Errors
/// When no process can be started.
pub fn probe_jail() -> io::Result<Jail> {
    let (Started { child, namespaces }, channel) = start(Path::new(OWN_PROGRAM), &[], false)?;
    channel.send(&LaunchSpec::JailProbe(plan::of_our_own(namespaces)), &[])?;
    let answer = channel.receive(MAX_FROM_MACHINE);
    child.kill();
    child.wait()?;
    match answer? {
        Some((FromMachine::Jailed(jail), _)) => Ok(jail),
        _ => Err(io::Error::other("the jailed process did not answer")),
    }
}
