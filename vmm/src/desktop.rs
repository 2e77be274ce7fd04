//! The processes that a keeper starts: the machine, from its first message to its exit report, and
//! its helpers, which become other programs once they are jailed.

use crate::control::{self, Desktop, Doorkeeper};
use crate::events::Events;
use crate::exit_report::{self, sentence};
use crate::host::Residency;
use crate::keeper::{FromMachine, MachineOutfit, Outfit};
use crate::leash::{KeptPasst, Leash};
use crate::machine::Machine;
use crate::machine::kvm::{Equipment, KvmMachine};
use crate::machine::qemu::Qemu;
use crate::resources::{MachineResources, Resources, disks_of_qemu};
use oriel_jail::{Jail, descriptors};
use oriel_net::{NetBackendConfig, OpenTap};
use oriel_qemu::Supplies;
use oriel_vmm_api::{ExitReason, ExitReport, Link, MachineConfig, Network};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::Duration;

/// How long those who watch may take to hear of the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// A machine's process once it is jailed.
pub struct Jailed {
    /// What it is told to be.
    pub outfit: MachineOutfit,
    /// What it was handed.
    pub resources: Resources,
    /// What holds of the jail.
    pub jail: Jail,
    /// To the keeper.
    pub leash: Arc<Leash>,
    /// Its memory in figures.
    pub residency: Residency,
}

/// What a keeper told this process to be, with what it handed over.
pub struct Told {
    /// The first message.
    pub outfit: Outfit,
    handed: Vec<OwnedFd>,
    leash: Leash,
}

/// Hears from the keeper what this process is to be. To be called before anything else.
///
/// # Errors
/// When this process was not started by a keeper.
pub fn hear() -> std::io::Result<Told> {
    // As it is seen in lists of processes; the name of its file says nothing.
    let _ = rustix::thread::set_name(c"oriel-machine");
    // SAFETY: this is the first that this process does with descriptors.
    let leash = Leash::new(unsafe { descriptors::take(0) }?);
    let (outfit, handed) = leash.first()?.ok_or(std::io::ErrorKind::BrokenPipe)?;
    Ok(Told { outfit, handed, leash })
}

/// Enters the jail; `None` when that was all. `log` is called with what to log before anything is.
///
/// # Errors
/// When something was not handed over.
pub fn enter_jail(told: Told, log: impl FnOnce(&str)) -> std::io::Result<Option<Jailed>> {
    let Told { outfit, handed, leash } = told;
    // The leash itself, and the kernel's figures of this process.
    let count = handed.len() + 2;
    let residency = Residency::open()?;
    match outfit {
        Outfit::Helper { plan, program, arguments } => {
            oriel_jail::enter(&plan, count + 1);
            // Nothing comes back from there but a failure.
            Err(std::process::Command::new(program).args(arguments).exec())
        }
        Outfit::Rehearsal(plan) => {
            let jail = oriel_jail::enter(&plan, count);
            leash.say(&FromMachine::Jailed(jail));
            Ok(None)
        }
        Outfit::Machine(outfit) => {
            log(&outfit.log);
            let jail = oriel_jail::enter(&outfit.plan, count);
            let resources = unpack(&outfit, handed)?;
            Ok(Some(Jailed { outfit: *outfit, resources, jail, leash: Arc::new(leash), residency }))
        }
    }
}

fn unpack(outfit: &MachineOutfit, handed: Vec<OwnedFd>) -> std::io::Result<Resources> {
    Resources::unpack(outfit.manifest.clone(), handed)
}

/// Is the machine until it ends. To be called before any thread is started.
///
/// # Errors
/// When this process was not started by a keeper.
pub fn run(log: impl FnOnce(&str)) -> Result<(), String> {
    let jailed = hear()
        .and_then(|told| enter_jail(told, log))
        .map_err(|error| format!("A machine's process is started by `oriel-vmm run` only ({error})."))?;
    let Some(jailed) = jailed else { return Ok(()) };
    let leash = jailed.leash.clone();
    exit_report::abort_on_panic(leash.clone());
    let words = live(jailed)
        .unwrap_or_else(|text| ExitReport { reason: ExitReason::FailedToStart, text: sentence(&text) });
    leash.say(&FromMachine::Ended(words));
    Ok(())
}

fn live(jailed: Jailed) -> Result<ExitReport, String> {
    let Jailed { outfit, resources, jail, leash, residency } = jailed;
    for part in jail.missing() {
        tracing::warn!(part = ?part.part, "the jail is not whole: {}", part.text);
    }
    if outfit.config.require_jail
        && let Some(part) = jail.missing().next()
    {
        return Err(format!("The jail is required and cannot be had whole on this host: {}", part.text));
    }
    leash.obey().map_err(|error| error.to_string())?;
    let door = Doorkeeper::new(outfit.owner, outfit.plan.namespaces.own_user());
    let config = outfit.config;
    let Resources { control, serial_log, disks, taps, machine, locks: _alive } = resources;
    let net_backends = net_backends(&config, taps, &leash);
    let events = Arc::new(Events::default());
    let machine: Arc<dyn Machine> = match machine {
        MachineResources::Kvm { device: kvm, boot, large_pages_free } => {
            let equipment =
                Equipment { kvm, boot, large_pages_free, disks, net_backends, serial_log, residency };
            let machine = KvmMachine::start(&config, equipment, events.clone());
            Arc::new(machine.map_err(|error| error.to_string())?)
        }
        MachineResources::Qemu(setup) => {
            let supplies = Supplies { setup, disks: disks_of_qemu(disks), net_backends };
            let machine = Qemu::start(&config, supplies, serial_log, events.clone());
            Arc::new(machine.map_err(|error| error.to_string())?)
        }
    };
    leash.holds(machine.clone());
    let desk = machine.desk().clone();
    tracing::info!(id = config.id, "started");
    let desktop = Desktop::new(machine, events.clone(), config, outfit.keeper, jail);
    control::serve(control, door, desktop.clone()).map_err(|error| error.to_string())?;
    let words = events.wait_for_end();
    desk.close(&words.text);
    desktop.farewell(FAREWELL);
    Ok(words)
}

/// Where the network interfaces of `config` lead: to passt by way of the keeper, and to `taps`.
fn net_backends(
    config: &MachineConfig,
    taps: Vec<Option<OpenTap>>,
    leash: &Arc<Leash>,
) -> Vec<NetBackendConfig> {
    let backend = |(network, (wanted, tap)): (usize, (&Network, Option<OpenTap>))| match (&wanted.link, tap) {
        (Link::Passt, _) => NetBackendConfig::Passt(Arc::new(KeptPasst { leash: leash.clone(), network })),
        (_, Some(tap)) => NetBackendConfig::Tap(tap),
        (_, None) => NetBackendConfig::Isolated,
    };
    config.networks.iter().zip(taps).enumerate().map(backend).collect()
}
