//! Exit report of a machine's process that ended without sending one, from its exit status or signal.

use oriel_jail::ExitStatus;
use oriel_vmm_api::{ExitReason, ExitReport};

/// Derives the exit report from the process's exit status or signal.
pub fn exit_report(ending: ExitStatus) -> ExitReport {
    let text = match ending {
        ExitStatus::Killed(libc::SIGSYS) => {
            "The desktop's machine tried a system call that its jail forbids and was killed: either its guest \
             has taken it over, or the jail is too tight. The host's kernel log names the call. Start the desktop \
             again, and report this."
                .to_owned()
        }
        ExitStatus::Killed(libc::SIGKILL) => {
            "The desktop's machine was killed (SIGKILL), by hand or by the kernel for lack of memory. Start the \
             desktop again."
                .to_owned()
        }
        ExitStatus::Killed(signal) => {
            format!("The desktop's machine crashed with signal {signal}. Start the desktop again, and report this.")
        }
        ExitStatus::Exited(status) => format!(
            "The desktop's machine ended without saying why (status {status}); its log may say more. Start the \
             desktop again."
        ),
    };
    ExitReport { reason: ExitReason::Crashed, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_call_is_told_from_other_ends() {
        assert!(exit_report(ExitStatus::Killed(libc::SIGSYS)).text.contains("system call"));
        assert!(exit_report(ExitStatus::Killed(libc::SIGKILL)).text.contains("lack of memory"));
        assert!(exit_report(ExitStatus::Killed(libc::SIGSEGV)).text.contains("signal 11"));
        assert!(exit_report(ExitStatus::Exited(1)).text.contains("status 1"));
    }
}
