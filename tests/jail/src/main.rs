//! The intruder: `intruder run CONFIG` is a supervisor like any other but for the program that it
//! starts in the machine's place, which is this one again.

mod attempts;

use oriel_jail::Plan;
use oriel_jail::root::Entry;
use oriel_jail_tests::{IntruderPlan, Without};
use oriel_vmm::launch::{FromMachine, LaunchSpec};
use oriel_vmm::supervisor;
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
    let LaunchSpec::Machine(spec) = &mut launch.spec else { return Err(io::ErrorKind::InvalidInput.into()) };
    let plan: IntruderPlan = serde_json::from_str(&spec.config.boot.cmdline)?;
    for part in &plan.without {
        leave_out(*part, &mut spec.plan);
    }
    let Some(mut jailed) = machine_process::enter_jail(launch, |_| ())? else { return Ok(()) };
    for attempt in &plan.attempts {
        let answer = attempts::make(attempt);
        writeln!(jailed.resources.serial_log, "{}", serde_json::to_string(&answer)?)?;
    }
    let text = serde_json::to_string(&jailed.jail)?;
    jailed.channel.send(&FromMachine::Ended(ExitReport { reason: ExitReason::Stopped, text }));
    Ok(())
}

fn leave_out(part: Without, plan: &mut Plan) {
    match part {
        Without::Seccomp => plan.filter = None,
        Without::Landlock => plan.fs_access = None,
        Without::EmptyRoot => plan.root = Entry::programs(),
    }
}
