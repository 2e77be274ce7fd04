//! Supervisor and machine live and die together.

use crate::belongings::BELONGINGS;
use crate::support::{Intruder, as_everyone, wait_until};
use oriel_jail_tests::{Attempt, IntruderPlan};
use oriel_vmm_api::ExitReason;
use std::fs::File;
use std::os::fd::AsRawFd;

/// The processes that `parent` started.
fn children(parent: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn lives(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn running(starter: crate::support::Starter) -> (Intruder, u32) {
    let intruder = Intruder::start(starter, &[], &[Attempt::CountEnvironment, Attempt::Stay]);
    wait_until("the intruder runs", || !intruder.answers().is_empty());
    let machine = children(intruder.supervisor.id());
    assert_eq!(machine.len(), 1);
    (intruder, machine[0])
}

#[test]
fn the_supervisors_death_is_the_machines() {
    as_everyone(|starter| {
        let (mut intruder, machine) = running(starter);
        assert!(lives(machine));
        intruder.supervisor.kill().unwrap();
        wait_until("the machine is gone", || !lives(machine));
    });
}

#[test]
fn a_machine_that_is_killed_is_mourned() {
    as_everyone(|starter| {
        let (mut intruder, machine) = running(starter);
        // SAFETY: kills a child of the supervisor, which has not been waited for.
        unsafe { libc::kill(machine as i32, libc::SIGKILL) };
        let report = intruder.exit_report();
        assert_eq!(report.reason, ExitReason::Crashed);
        assert!(report.text.contains("was killed"), "{}", report.text);
        assert!(!intruder.folder.path("socket").exists());
    });
}

#[test]
fn the_servers_lock_is_held_by_both_and_free_after_them() {
    as_everyone(|starter| {
        let folder = std::env::temp_dir().join(format!("oriel-jail-lock-{}-{starter:?}", std::process::id()));
        let lock = File::create(&folder).unwrap();
        lock.lock().unwrap();
        let plan =
            IntruderPlan { without: Vec::new(), attempts: vec![Attempt::CountDescriptors, Attempt::Stay] };
        let mut intruder = Intruder::start_as(starter, &plan, |command| {
            let lock = lock.as_raw_fd();
            // SAFETY: one system call between fork and exec: it clears close-on-exec.
            unsafe {
                std::os::unix::process::CommandExt::pre_exec(command, move || {
                    libc::fcntl(lock, libc::F_SETFD, 0);
                    Ok(())
                });
            }
        });
        wait_until("the intruder runs", || !intruder.answers().is_empty());
        drop(lock);
        let again = File::open(&folder).unwrap();
        assert_eq!(intruder.answers(), [Ok(BELONGINGS + 1)], "the machine holds it as well");
        assert!(again.try_lock().is_err(), "it is held");
        intruder.supervisor.kill().unwrap();
        wait_until("the lock is free", || again.try_lock().is_ok());
        std::fs::remove_file(&folder).unwrap();
    });
}
