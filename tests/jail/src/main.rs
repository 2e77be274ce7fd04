//! The intruder: `intruder run CONFIG` is a supervisor like any other but for the program that it
//! starts in the machine's place, which is this one again.

mod attempts;
mod network;

use network::Interface;
use oriel_jail::Plan;
use oriel_jail::root::Entry;
use oriel_jail::seccomp::Filter;
use oriel_jail_tests::{Attempt, IntruderPlan, Without};
use oriel_vmm::launch::{FromMachine, LaunchSpec};
use oriel_vmm::supervisor;
use oriel_vmm::supervisor_channel::SupervisedPasst;
use oriel_vmm::{config_file, machine_process};
use oriel_vmm_api::{ExitReason, ExitReport};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["run", config] => config_file::read(Path::new(config))
            .and_then(|config| supervisor::run(&config, Path::new(supervisor::OWN_PROGRAM), "")),
        [supervisor::MACHINE_COMMAND] => intrude().map_err(|error| error.to_string()),
        _ => Err("usage: intruder run CONFIG".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn intrude() -> io::Result<()> {
    let mut launch = machine_process::receive()?;
    let LaunchSpec::Machine(spec) = &mut launch.spec else {
        // What stands beside a machine is no intruder.
        return machine_process::enter_jail(launch, |_| ()).map(drop);
    };
    let plan: IntruderPlan = serde_json::from_str(&spec.config.boot.cmdline)?;
    for part in &plan.without {
        leave_out(*part, &mut spec.plan);
    }
    let Some(mut jailed) = machine_process::enter_jail(launch, |_| ())? else { return Ok(()) };
    let mut interface = None;
    if !jailed.spec.config.networks.is_empty() {
        jailed.channel.start()?;
        let passt = SupervisedPasst { channel: jailed.channel.clone(), network: 0 };
        interface = Some(Interface::connect(&passt)?);
    }
    for attempt in &plan.attempts {
        let answer = match (attempt, &mut interface) {
            (Attempt::Reach(targets), Some(interface)) => interface.reach(targets),
            (Attempt::AwaitAnswer(target), Some(interface)) => interface.await_answer(target),
            (attempt, _) => attempts::make(attempt),
        };
        writeln!(jailed.resources.serial_log, "{}", serde_json::to_string(&answer)?)?;
    }
    let text = serde_json::to_string(&jailed.jail)?;
    jailed.channel.send(&FromMachine::Ended(ExitReport { reason: ExitReason::Stopped, text }));
    Ok(())
}

fn leave_out(part: Without, plan: &mut Plan) {
    match part {
        Without::Seccomp => plan.filter = None,
        Without::KvmFilter => plan.filter = Some(Filter::Qemu),
        Without::Landlock => plan.fs_access = None,
        Without::EmptyRoot => plan.root = Entry::programs(),
    }
}
