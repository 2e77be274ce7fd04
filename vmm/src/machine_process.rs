//! Main program of the processes that a supervisor starts: the machine's process, and the helpers.
//!
//! A process receives its [`LaunchSpec`], enters its jail, and then either runs the machine until its exit
//! report or executes a helper program such as passt. It opens no host file by path after it has entered the
//! jail. The supervisor's side is [`crate::supervisor`].

use crate::control::{self, ControlContext, PeerAuth};
use crate::events::Events;
use crate::exit_report;
use crate::host::Residency;
use crate::host_resources::{HostResources, MachineResources, disks_of_qemu};
use crate::launch::{FromMachine, LaunchSpec, MachineLaunchSpec};
use crate::machine::Machine;
use crate::machine::kvm::{KvmMachine, KvmResources};
use crate::machine::qemu::Qemu;
use crate::supervisor_channel::{SupervisedPasst, SupervisorChannel};
use oriel_jail::{Jail, descriptors};
use oriel_net::{EgressFilter, EgressPolicy, HostRoutes, NetBackendConfig, OpenTap};
use oriel_qemu::QemuResources;
use oriel_vmm_api::sentence;
use oriel_vmm_api::{ExitReason, ExitReport, Link, MachineConfig, Network};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::Duration;

/// Maximum time for connected clients to receive the last event before the process ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Jailed process of a machine, ready to start it.
pub struct JailedProcess {
    /// Configuration, jail plan and manifest that the supervisor sent.
    pub spec: MachineLaunchSpec,
    /// Host resources that the supervisor opened and sent.
    pub resources: HostResources,
    /// Report on each part of the jail: whether it is in force, and why not.
    pub jail: Jail,
    /// Connection to the supervisor.
    pub channel: Arc<SupervisorChannel>,
    /// Reader of the kernel's memory statistics of this process, opened before the jail.
    pub residency: Residency,
}

/// First message of the supervisor, with the descriptors that came with it.
pub struct Launch {
    /// Launch specification: a machine, a helper or a probe of the jail.
    pub spec: LaunchSpec,
    handed: Vec<OwnedFd>,
    channel: SupervisorChannel,
}

/// Receives the supervisor's first message. Must be called before the process opens or closes any descriptor.
///
/// # Errors
/// An error of the system when this process was not started by a supervisor.
pub fn receive() -> std::io::Result<Launch> {
    // Name in lists of processes: the executable was started as /proc/self/exe.
    let _ = rustix::thread::set_name(c"oriel-machine");
    // SAFETY: nothing in this process has opened or closed a descriptor before.
    let channel = SupervisorChannel::new(unsafe { descriptors::take(0) }?);
    let (spec, handed) = channel.receive_launch_spec()?.ok_or(std::io::ErrorKind::BrokenPipe)?;
    Ok(Launch { spec, handed, channel })
}

/// Enters the jail of `launch`. A helper's program replaces this process; an egress filter runs until its end,
/// and for a probe of the jail, the report is sent to the supervisor; then `None` is returned. `log` is called with the log filter before a machine's
/// jail.
///
/// # Errors
/// An error of the system when a descriptor is missing, /proc is not readable, a helper's program cannot be
/// executed, or an egress filter failed.
pub fn enter_jail(launch: Launch, log: impl FnOnce(&str)) -> std::io::Result<Option<JailedProcess>> {
    let Launch { spec, handed, channel } = launch;
    // The two further descriptors are the supervisor channel and the one of `residency`.
    let count = handed.len() + 2;
    let residency = Residency::open()?;
    match spec {
        LaunchSpec::Helper { plan, program, arguments } => {
            oriel_jail::enter(&plan, count + 1);
            // `exec` returns only if it fails.
            Err(std::process::Command::new(program).args(arguments).exec())
        }
        LaunchSpec::EgressFilter { plan, policy } => {
            let _ = rustix::thread::set_name(c"oriel-egress");
            oriel_jail::enter(&plan, count);
            run_egress_filter(policy, handed)?;
            Ok(None)
        }
        LaunchSpec::JailProbe(plan) => {
            let jail = oriel_jail::enter(&plan, count);
            channel.send(&FromMachine::Jailed(jail));
            Ok(None)
        }
        LaunchSpec::Machine(spec) => {
            log(&spec.log);
            let jail = oriel_jail::enter(&spec.plan, count);
            let resources = unpack(&spec, handed)?;
            Ok(Some(JailedProcess { spec: *spec, resources, jail, channel: Arc::new(channel), residency }))
        }
    }
}

/// Runs an egress filter on its descriptors until the machine or passt closes its socket.
fn run_egress_filter(policy: EgressPolicy, handed: Vec<OwnedFd>) -> std::io::Result<()> {
    let handed: Result<[OwnedFd; 4], _> = handed.try_into();
    let [machine, passt, requests, changes] = handed.map_err(|_| std::io::ErrorKind::InvalidInput)?;
    let filter = EgressFilter::new(policy, HostRoutes::new([requests, changes]));
    filter.run(machine, passt)
}

/// Assigns the received descriptors to the machine's resources.
fn unpack(spec: &MachineLaunchSpec, handed: Vec<OwnedFd>) -> std::io::Result<HostResources> {
    HostResources::unpack(spec.manifest.clone(), handed)
}

/// Runs the machine that the supervisor describes until it ends, and sends its exit report. Must be called
/// before any thread is started. `log` is called once with the log filter (`ORIEL_LOG`).
///
/// # Errors
/// One plain sentence when this process was not started by a supervisor, or cannot enter its jail.
pub fn run(log: impl FnOnce(&str)) -> Result<(), String> {
    let launch = receive()
        .map_err(|error| format!("A machine's process is started by `oriel-vmm run` only ({error})."))?;
    let jailed = enter_jail(launch, log).map_err(|error| format!("A jailed process failed: {error}."))?;
    let Some(jailed) = jailed else { return Ok(()) };
    let channel = jailed.channel.clone();
    exit_report::abort_on_panic(channel.clone());
    let report = run_machine(jailed)
        .unwrap_or_else(|text| ExitReport { reason: ExitReason::FailedToStart, text: sentence(&text) });
    channel.send(&FromMachine::Ended(report));
    Ok(())
}

/// Starts the machine, serves its control socket, and waits for its end.
fn run_machine(jailed: JailedProcess) -> Result<ExitReport, String> {
    let JailedProcess { spec, resources, jail, channel, residency } = jailed;
    for part in jail.missing() {
        tracing::warn!(part = ?part.part, "a part of the jail is not in force: {}", part.text);
    }
    if spec.config.require_jail
        && let Some(part) = jail.missing().next()
    {
        return Err(format!(
            "The configuration requires the whole jail, and this host lacks a part of it: {}",
            part.text
        ));
    }
    channel.start().map_err(|error| error.to_string())?;
    let peer_auth = PeerAuth::new(spec.owner, spec.plan.namespaces.own_user());
    let config = spec.config;
    let HostResources { control, serial_log, disks, taps, machine, locks: _alive } = resources;
    let net_backends = net_backends(&config, taps, &channel);
    let events = Arc::new(Events::default());
    let machine: Arc<dyn Machine> = match machine {
        MachineResources::Kvm { device: kvm, boot, large_pages_free } => {
            let resources =
                KvmResources { kvm, boot, large_pages_free, disks, net_backends, serial_log, residency };
            let machine = KvmMachine::start(&config, resources, events.clone());
            Arc::new(machine.map_err(|error| error.to_string())?)
        }
        MachineResources::Qemu(setup) => {
            let resources = QemuResources { setup, disks: disks_of_qemu(disks), net_backends };
            let machine = Qemu::start(&config, resources, serial_log, events.clone());
            Arc::new(machine.map_err(|error| error.to_string())?)
        }
    };
    channel.attach_machine(machine.clone(), events.clone());
    let monitors = machine.monitors().clone();
    tracing::info!(id = config.id, "the machine is started");
    let context = ControlContext::new(machine, events.clone(), config, spec.supervisor, jail);
    control::serve(control, peer_auth, context.clone()).map_err(|error| error.to_string())?;
    let report = events.wait_for_end();
    monitors.close(&report.text);
    context.drain(DRAIN_TIMEOUT);
    Ok(report)
}

/// Builds the backends of the network interfaces of `config`: a passt that the supervisor starts, an open TAP
/// interface from `taps`, or none.
fn net_backends(
    config: &MachineConfig,
    taps: Vec<Option<OpenTap>>,
    channel: &Arc<SupervisorChannel>,
) -> Vec<NetBackendConfig> {
    let backend = |(network, (network_config, tap)): (usize, (&Network, Option<OpenTap>))| match (
        &network_config.link,
        tap,
    ) {
        (Link::Passt { .. }, _) => {
            NetBackendConfig::Passt(Arc::new(SupervisedPasst { channel: channel.clone(), network }))
        }
        (_, Some(tap)) => NetBackendConfig::Tap(tap),
        (_, None) => NetBackendConfig::Isolated,
    };
    config.networks.iter().zip(taps).enumerate().map(backend).collect()
}
