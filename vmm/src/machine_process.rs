//! The processes that a supervisor starts: the machine, from its first message to its exit report, and
//! its helpers, which become other programs once they are jailed.

use crate::control::{self, ControlContext, PeerAuth};
use crate::events::Events;
use crate::exit_report;
use crate::host::Residency;
use crate::host_resources::{HostResources, MachineResources, disks_of_qemu};
use crate::launch::{FromMachine, LaunchSpec, MachineLaunchSpec};
use crate::machine::Machine;
use crate::machine::kvm::{KvmMachine, KvmResources};
use crate::machine::qemu::Qemu;
use crate::sentence::sentence;
use crate::supervisor_channel::{SupervisedPasst, SupervisorChannel};
use oriel_jail::{Jail, descriptors};
use oriel_net::{NetBackendConfig, OpenTap};
use oriel_qemu::QemuResources;
use oriel_vmm_api::{ExitReason, ExitReport, Link, MachineConfig, Network};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::Duration;

/// Time for connected clients to receive the last event before the process ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A machine's process once it is jailed.
pub struct JailedProcess {
    /// Configuration, jail plan and manifest, from the supervisor.
    pub spec: MachineLaunchSpec,
    /// What it was handed.
    pub resources: HostResources,
    /// What holds of the jail.
    pub jail: Jail,
    /// To the supervisor.
    pub channel: Arc<SupervisorChannel>,
    /// Its memory in figures.
    pub residency: Residency,
}

/// First message of the supervisor, with the descriptors that came along.
pub struct Launch {
    /// The first message.
    pub spec: LaunchSpec,
    handed: Vec<OwnedFd>,
    channel: SupervisorChannel,
}

/// Receives the supervisor's first message. To be called before anything else in the process.
///
/// # Errors
/// When this process was not started by a supervisor.
pub fn receive() -> std::io::Result<Launch> {
    // As it is seen in lists of processes; the name of its file says nothing.
    let _ = rustix::thread::set_name(c"oriel-machine");
    // SAFETY: this is the first that this process does with descriptors.
    let channel = SupervisorChannel::new(unsafe { descriptors::take(0) }?);
    let (spec, handed) = channel.receive_launch_spec()?.ok_or(std::io::ErrorKind::BrokenPipe)?;
    Ok(Launch { spec, handed, channel })
}

/// Enters the jail; `None` when that was all. `log` is called with what to log before anything is.
///
/// # Errors
/// When something was not handed over.
pub fn enter_jail(launch: Launch, log: impl FnOnce(&str)) -> std::io::Result<Option<JailedProcess>> {
    let Launch { spec, handed, channel } = launch;
    // The supervisor channel itself, and the kernel's figures of this process.
    let count = handed.len() + 2;
    let residency = Residency::open()?;
    match spec {
        LaunchSpec::Helper { plan, program, arguments } => {
            oriel_jail::enter(&plan, count + 1);
            // Nothing comes back from there but a failure.
            Err(std::process::Command::new(program).args(arguments).exec())
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

fn unpack(spec: &MachineLaunchSpec, handed: Vec<OwnedFd>) -> std::io::Result<HostResources> {
    HostResources::unpack(spec.manifest.clone(), handed)
}

/// Is the machine until it ends. To be called before any thread is started.
///
/// # Errors
/// When this process was not started by a supervisor.
pub fn run(log: impl FnOnce(&str)) -> Result<(), String> {
    let jailed = receive()
        .and_then(|launch| enter_jail(launch, log))
        .map_err(|error| format!("A machine's process is started by `oriel-vmm run` only ({error})."))?;
    let Some(jailed) = jailed else { return Ok(()) };
    let channel = jailed.channel.clone();
    exit_report::abort_on_panic(channel.clone());
    let report = run_machine(jailed)
        .unwrap_or_else(|text| ExitReport { reason: ExitReason::FailedToStart, text: sentence(&text) });
    channel.send(&FromMachine::Ended(report));
    Ok(())
}

fn run_machine(jailed: JailedProcess) -> Result<ExitReport, String> {
    let JailedProcess { spec, resources, jail, channel, residency } = jailed;
    for part in jail.missing() {
        tracing::warn!(part = ?part.part, "the jail is not whole: {}", part.text);
    }
    if spec.config.require_jail
        && let Some(part) = jail.missing().next()
    {
        return Err(format!("The jail is required and cannot be had whole on this host: {}", part.text));
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
    channel.attach_machine(machine.clone());
    let monitors = machine.monitors().clone();
    tracing::info!(id = config.id, "started");
    let context = ControlContext::new(machine, events.clone(), config, spec.supervisor, jail);
    control::serve(control, peer_auth, context.clone()).map_err(|error| error.to_string())?;
    let report = events.wait_for_end();
    monitors.close(&report.text);
    context.drain(DRAIN_TIMEOUT);
    Ok(report)
}

/// Where the network interfaces of `config` lead: to passt by way of the supervisor, and to `taps`.
fn net_backends(
    config: &MachineConfig,
    taps: Vec<Option<OpenTap>>,
    channel: &Arc<SupervisorChannel>,
) -> Vec<NetBackendConfig> {
    let backend = |(network, (wanted, tap)): (usize, (&Network, Option<OpenTap>))| match (&wanted.link, tap) {
        (Link::Passt, _) => {
            NetBackendConfig::Passt(Arc::new(SupervisedPasst { channel: channel.clone(), network }))
        }
        (_, Some(tap)) => NetBackendConfig::Tap(tap),
        (_, None) => NetBackendConfig::Isolated,
    };
    config.networks.iter().zip(taps).enumerate().map(backend).collect()
}
