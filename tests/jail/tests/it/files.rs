//! Files of the host and of other desktops.

use crate::support::{Intruder, answers, as_everyone, wait_until};
use oriel_jail_tests::{Attempt, Without};

/// What another desktop has, and the host.
fn of_others(other: &Intruder) -> Vec<Attempt> {
    let supervisor = other.supervisor.id();
    vec![
        Attempt::Open("/etc/passwd".into()),
        Attempt::Open("/dev/kvm".into()),
        Attempt::Open("/proc/self/status".into()),
        Attempt::Open(other.folder.path("serial.log")),
        Attempt::Open(format!("/proc/{supervisor}/root/etc/passwd").into()),
        Attempt::Open(format!("/proc/{supervisor}/fd").into()),
        Attempt::ConnectUnix(other.folder.path("socket")),
    ]
}

fn other(starter: crate::support::Starter) -> Intruder {
    let other = Intruder::start(starter, &[], &[Attempt::Process, Attempt::Stay]);
    wait_until("the other desktop runs", || !other.answers().is_empty());
    other
}

#[test]
fn an_empty_root_has_nothing_of_others() {
    as_everyone(|starter| {
        let other = other(starter);
        let mut intruder =
            Intruder::start(starter, &[Without::Seccomp, Without::Landlock], &of_others(&other));
        intruder.exit_report();
        let answers = intruder.answers();
        assert_eq!(answers, vec![Err(libc::ENOENT); answers.len()]);
        assert!(!answers.is_empty());
    });
}

#[test]
fn nothing_can_be_written_in_an_empty_root() {
    as_everyone(|starter| {
        let parts = [Without::Seccomp, Without::Landlock];
        let [made, root] =
            answers(starter, &parts, [Attempt::Create("/file".into()), Attempt::Open("/".into())]);
        assert_eq!((made, root), (Err(libc::EROFS), Ok(0)));
    });
}

#[test]
fn landlock_forbids_files_that_can_be_seen() {
    as_everyone(|starter| {
        let seen = || [Attempt::Open("/usr/bin".into()), Attempt::Open("/usr/bin/env".into())];
        let [folder, file] = answers(starter, &[Without::Seccomp, Without::EmptyRoot], seen());
        assert_eq!((folder, file), (Err(libc::EACCES), Err(libc::EACCES)));
        let all = [Without::Seccomp, Without::EmptyRoot, Without::Landlock];
        assert_eq!(answers(starter, &all, seen()), [Ok(0), Ok(0)], "they are there");
    });
}

#[test]
fn files_cannot_even_be_asked_for() {
    as_everyone(|starter| {
        let parts = [Without::EmptyRoot, Without::Landlock];
        assert_eq!(answers(starter, &parts, [Attempt::Open("/usr/bin".into())]), [Err(libc::ENOSYS)]);
    });
}
