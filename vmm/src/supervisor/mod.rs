//! Supervisor: the first of a desktop's two processes, outside the jail.
//!
//! It opens the host resources, keeps the logs, starts the machine's process ([`crate::machine_process`]) in its
//! jail, starts passt with its egress filter on request, waits for the machine's end and writes the exit
//! report. It never parses data of the guest. The machine ends with its supervisor.

mod exit_status;
mod helpers;
mod log;
mod log_file;
mod log_filter;
mod log_pipe;
mod plan;
mod stop;
mod watch;

pub use log::{LogWriter, ProcessLog};

use crate::control::ControlSocket;
use crate::exit_report;
use crate::host_resources::HostResources;
use crate::launch::{FromMachine, LaunchSpec, MAX_FROM_MACHINE, MachineLaunchSpec};
use crate::signals;
use oriel_jail::packets::Packets;
use oriel_jail::{Jail, Spawn, Started, descriptors};
use oriel_vmm_api::sentence;
use oriel_vmm_api::{ExitReason, ExitReport, MachineConfig};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Path of the running executable, from which the machine's process is started.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// Command line argument that selects the role of the machine's process ([`crate::machine_process::run`]).
pub const MACHINE_COMMAND: &str = "machine";

/// Runs the desktop that `config` describes until it ends, and writes its exit report. `program` is executed
/// as the machine's process, usually [`OWN_PROGRAM`], and `log` is its log filter. Must be called before any
/// thread is started but that of a [`ProcessLog`].
///
/// # Errors
/// The text of the exit report, one plain sentence, when the desktop did not start or crashed.
pub fn run(config: &MachineConfig, program: &Path, log: &str) -> Result<(), String> {
    signals::block();
    // A report of an earlier run would mislead readers until this run ends.
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

/// Starts the machine's process and waits for its end: its exit report, or the reason why it did not start.
fn launch(config: &MachineConfig, program: &Path, log: &str) -> Result<ExitReport, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let host = |error: io::Error| format!("the host refused what starting a desktop needs: {error}");
    let locks = descriptors::inherited_locks().map_err(host)?;
    let socket = ControlSocket::bind(&config.socket).map_err(|error| text(&error))?;
    let listener = socket.listener().map_err(|error| text(&error))?;
    let (_serial_log, serial_pipe) = log::serial_log(&config.serial_log).map_err(|error| {
        format!("the serial log {} cannot be written: {error}", config.serial_log.display())
    })?;
    let serial_pipe = OwnedFd::from(serial_pipe).into();
    let mut resources =
        HostResources::open(config, listener, serial_pipe, locks).map_err(|error| text(&error))?;
    let (Started { child, namespaces }, channel) = start(program, &[], false).map_err(host)?;
    let plan = plan::for_machine(&mut resources, config, namespaces);
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
        return Err(format!("the machine's process did not receive its configuration: {error}"));
    }
    // The machine's process has the only descriptors of these files from here on.
    drop(resources);
    watch::supervise(&child, &channel, config)
        .map_err(|error| format!("the machine cannot be watched: {error}"))
}

/// Starts `program` as the process of a machine or a helper, and returns the supervisor's end of the channel
/// to it. The channel's other end is the first descriptor of the process, and `more` follow. With
/// `shares_network` the process stays in the supervisor's network namespace.
fn start(program: &Path, more: &[BorrowedFd<'_>], shares_network: bool) -> io::Result<(Started, Packets)> {
    let (ours, theirs) = Packets::pair()?;
    let handed: Vec<BorrowedFd<'_>> = std::iter::once(theirs.as_fd()).chain(more.iter().copied()).collect();
    let started = Spawn::new(program, &["oriel-vmm", MACHINE_COMMAND])?.start(&handed, shares_network)?;
    Ok((started, ours))
}

/// Starts a process that enters the jail of a machine on KVM and ends, and returns its report: which parts of
/// the jail this host allows to this user.
///
/// # Errors
/// An error of the system when the process cannot be started or does not answer.
pub fn probe_jail() -> io::Result<Jail> {
    let (Started { child, namespaces }, channel) = start(Path::new(OWN_PROGRAM), &[], false)?;
    channel.send(&LaunchSpec::JailProbe(plan::for_kvm(namespaces)), &[])?;
    let answer = channel.receive(MAX_FROM_MACHINE);
    child.kill();
    child.wait()?;
    match answer? {
        Some((FromMachine::Jailed(jail), _)) => Ok(jail),
        _ => Err(io::Error::other("the jailed process did not answer")),
    }
}
