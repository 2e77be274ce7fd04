//! System calls that kill.

use crate::support::{Intruder, answers, as_everyone};
use oriel_jail_tests::{Attempt, Without};
use oriel_vmm_api::ExitReason;

/// Whether an intruder that tries this is killed for it, and the supervisor says so.
fn kills(attempt: Attempt) {
    kills_without(&[], attempt);
}

/// That, with parts of the jail left out.
fn kills_without(without: &[Without], attempt: Attempt) {
    as_everyone(|starter| {
        let mut intruder = Intruder::start(starter, without, std::slice::from_ref(&attempt));
        let report = intruder.exit_report();
        assert_eq!(intruder.answers(), [], "{attempt:?} got an answer");
        assert_eq!(report.reason, ExitReason::Crashed);
        assert!(report.text.contains("a system call that its jail forbids"), "{attempt:?}: {}", report.text);
        assert!(!intruder.supervisor.wait().unwrap().success());
    });
}

#[test]
fn forbidden_calls_kill() {
    for number in [
        libc::SYS_ptrace,
        libc::SYS_mount,
        libc::SYS_bpf,
        libc::SYS_setns,
        libc::SYS_socket,
        libc::SYS_execve,
        libc::SYS_io_uring_setup,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_keyctl,
        libc::SYS_perf_event_open,
        libc::SYS_process_vm_writev,
        libc::SYS_userfaultfd,
        libc::SYS_open_by_handle_at,
        libc::SYS_kill,
        libc::SYS_setuid,
        libc::SYS_memfd_create,
    ] {
        kills(Attempt::Call(number));
    }
}

#[test]
fn forbidden_arguments_kill() {
    for attempt in [Attempt::UserNamespace, Attempt::Fork, Attempt::MapCode, Attempt::PushCharacter] {
        kills(attempt);
    }
}

#[test]
fn threads_may_do_less_than_their_process() {
    as_everyone(|starter| {
        let calls = [Attempt::Call(libc::SYS_accept4), Attempt::CallOnSupervisorThread(libc::SYS_recvmsg)];
        let bad_descriptor = [Err(libc::ENOTSOCK), Err(libc::EBADF)];
        assert_eq!(answers(starter, &[], calls), bad_descriptor, "what is allowed gets its answer");
    });
    kills(Attempt::CallOnVcpuThread(libc::SYS_accept4));
    kills(Attempt::CallOnSupervisorThread(libc::SYS_ioctl));
}

#[test]
fn qemu_controls_kvm_and_disks_and_nothing_else() {
    as_everyone(|starter| {
        // KVM_CREATE_VM, FIONBIO, TCGETS: /dev/null is none of what they are for.
        let requests = [0xAE01, 0x5421, 0x5401].map(Attempt::Control);
        for answer in answers(starter, &[Without::KvmFilter], requests) {
            assert!(matches!(answer, Err(libc::ENOTTY | libc::EFAULT)), "{answer:?}");
        }
    });
    for request in [
        0x5412,      // TIOCSTI
        0x541C,      // TIOCLINUX
        0x400454CA,  // TUNSETIFF
        0x8914,      // SIOCSIFFLAGS
        0x89A2,      // SIOCBRADDIF
        0x4008_6602, // FS_IOC_SETFLAGS
        0xC018_AA3F, // UFFDIO_API
        0x2285,      // SG_IO
        0xC0105500,  // USBDEVFS_CONTROL
        0x4C00,      // LOOP_SET_FD
    ] {
        kills_without(&[Without::KvmFilter], Attempt::Control(request));
    }
}
