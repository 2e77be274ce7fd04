//! Other processes: another desktop's, the server's.

use crate::support::{Intruder, answers, as_everyone, wait_until};
use oriel_jail_tests::{Attempt, Without};

#[test]
fn it_is_alone_and_reaches_no_other_process() {
    as_everyone(|starter| {
        let other = Intruder::start(starter, &[], &[Attempt::Process, Attempt::Stay]);
        wait_until("the other desktop runs", || !other.answers().is_empty());
        let (supervisor, server) = (other.supervisor.id() as i32, std::process::id() as i32);
        let marker = 0x1234_5678_u64;
        let address = &raw const marker as u64;
        let parts = [Without::Seccomp, Without::Landlock];
        let [own, signal, signal_server, trace, read] = answers(
            starter,
            &parts,
            [
                Attempt::Process,
                Attempt::Signal(supervisor),
                Attempt::Signal(server),
                Attempt::Trace(supervisor),
                Attempt::ReadMemory(server, address),
            ],
        );
        assert_eq!(own, Ok(1), "it is the first of its own processes");
        let nobody_there = Err(libc::ESRCH);
        assert_eq!([signal, signal_server, trace, read], [nobody_there; 4]);
    });
}

#[test]
fn it_cannot_start_others() {
    as_everyone(|starter| {
        let mut intruder = Intruder::start(starter, &[], &[Attempt::Fork]);
        assert!(intruder.exit_report().text.contains("system call"), "{}", intruder.exit_report().text);
    });
}
