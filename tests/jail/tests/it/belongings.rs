//! What it was given: descriptors, environment, limits.

use crate::support::{Intruder, answers, as_everyone};
use oriel_jail_tests::{Attempt, IntruderPlan, Without};
use std::os::fd::AsRawFd;

/// Standard ones, the supervisor channel, /proc/self/smaps, the control socket, the pipe to the serial log, /dev/kvm, the
/// kernel.
pub const BELONGINGS: i64 = 3 + 2 + 1 + 1 + 2;

#[test]
fn it_has_its_own_descriptors_and_no_environment() {
    as_everyone(|starter| {
        // What a careless parent leaves open and tells.
        let (stray, _other) = std::io::pipe().unwrap();
        let plan = IntruderPlan {
            without: Vec::new(),
            attempts: vec![Attempt::CountDescriptors, Attempt::CountEnvironment],
        };
        let mut intruder = Intruder::start_as(starter, &plan, |command| {
            command.env("SECRET", "of the server");
            let stray = stray.as_raw_fd();
            // SAFETY: one system call between fork and exec: it clears close-on-exec.
            unsafe {
                std::os::unix::process::CommandExt::pre_exec(command, move || {
                    libc::fcntl(stray, libc::F_SETFD, 0);
                    Ok(())
                });
            }
        });
        intruder.exit_report();
        assert_eq!(intruder.answers(), [Ok(BELONGINGS), Ok(0)]);
    });
}

#[test]
fn limits_hold() {
    as_everyone(|starter| {
        let [opened] = answers(starter, &[], [Attempt::OpenUntilRefused]);
        assert_eq!(opened, Ok(4096 - BELONGINGS));
        let files = [Attempt::MakeMemoryFile(1 << 20), Attempt::MakeMemoryFile(1 << 40)];
        let [small, large] = answers(starter, &[Without::Seccomp], files);
        assert_eq!((small, large), (Ok(0), Err(libc::EFBIG)), "and it lives to say so");
        let [threads] = answers(starter, &[Without::Seccomp], [Attempt::StartThreadsUntilRefused]);
        assert!((900..=1024).contains(&threads.unwrap()), "{threads:?}");
    });
}
