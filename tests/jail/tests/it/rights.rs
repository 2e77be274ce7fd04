//! Rights over the host.

use crate::support::{Starter, answers, as_everyone};
use oriel_jail_tests::{Attempt, Without};

#[test]
fn it_has_no_rights_and_gets_none() {
    as_everyone(|starter| {
        let [capabilities, mount, root, rename, chroot, bpf] = answers(
            starter,
            &[Without::Seccomp, Without::Landlock],
            [
                Attempt::Capabilities,
                Attempt::Mount,
                Attempt::BecomeRoot,
                Attempt::Rename,
                Attempt::Call(libc::SYS_vhangup),
                Attempt::Bpf,
            ],
        );
        assert_eq!(capabilities, Ok(0));
        let forbidden = Err(libc::EPERM);
        assert_eq!([mount, rename, chroot, bpf], [forbidden; 4]);
        // In a user namespace in which there is no root, root is no user at all.
        assert!(matches!(root, Err(libc::EPERM | libc::EINVAL)), "{root:?}");
    });
}

#[test]
fn every_desktop_is_a_user_of_its_own() {
    as_everyone(|starter| {
        let users = [(); 2].map(|()| {
            let [user] = answers(starter, &[Without::Seccomp], [Attempt::User]);
            user.unwrap()
        });
        match starter {
            Starter::Root => {
                let range = i64::from(oriel_jail::identity::FIRST)..;
                assert!(users.iter().all(|user| range.contains(user)), "{users:?}");
                assert_ne!(users[0], users[1]);
            }
            Starter::Ordinary => assert!(users.iter().all(|user| *user != 0), "{users:?}"),
        }
    });
}
