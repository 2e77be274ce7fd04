//! The jail's own report.

use crate::support::{Intruder, Starter, as_everyone};
use oriel_jail::JailPart;
use oriel_jail_tests::Without;

#[test]
fn every_part_is_told_of_and_all_that_a_host_always_gives_hold() {
    as_everyone(|starter| {
        let jail = Intruder::start(starter, &[], &[]).jail();
        let given = [
            JailPart::Identity,
            JailPart::Mounts,
            JailPart::Processes,
            JailPart::Network,
            JailPart::Ipc,
            JailPart::Hostname,
            JailPart::Root,
            JailPart::Capabilities,
            JailPart::Seccomp,
            JailPart::Descriptors,
            JailPart::Environment,
            JailPart::Limits,
        ];
        for part in given {
            assert!(jail.holds(part), "{part:?}: {:?}", jail.parts);
        }
        for part in [JailPart::Landlock, JailPart::Cgroup] {
            assert!(jail.parts.iter().any(|report| report.part == part), "{part:?} is not spoken of");
        }
        assert!(jail.parts.iter().all(|part| part.text.ends_with('.')), "{:?}", jail.parts);
    });
}

#[test]
fn a_part_that_was_left_out_is_not_said_to_hold() {
    as_everyone(|starter: Starter| {
        let jail = Intruder::start(starter, &[Without::Seccomp, Without::Landlock], &[]).jail();
        assert!(!jail.holds(JailPart::Seccomp) && !jail.holds(JailPart::Landlock));
    });
}
