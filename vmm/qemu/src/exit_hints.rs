//! Derivation of a machine's exit reason from QEMU's events, exit status and standard error.

use oriel_vmm_api::ExitReason;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Observations of a machine before its process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExitHints {
    /// [`crate::QemuMachine::stop`] was called.
    pub stop_requested: bool,
    /// QEMU reported that the guest's kernel panicked.
    pub panicked: bool,
    /// A virtual processor reached a state that KVM cannot continue from (KVM internal error).
    pub processor_failed: bool,
    /// Reason in QMP's SHUTDOWN event.
    pub shutdown: Option<String>,
}

impl ExitHints {
    /// Derives the machine's exit reason and a sentence for users from the hints, the exit status of the
    /// process and the last line on standard error.
    pub fn explain(&self, status: ExitStatus, last_line: Option<&str>) -> (ExitReason, String) {
        let detail = last_line.map(|line| format!(" Its last message: {line}")).unwrap_or_default();
        if self.stop_requested {
            return (ExitReason::Stopped, "The desktop was stopped.".to_owned());
        }
        if self.panicked {
            let text = "The guest's kernel panicked; its serial log says why. Start the desktop again.";
            return (ExitReason::Crashed, text.to_owned());
        }
        if self.processor_failed {
            let text = format!(
                "The guest brought its virtual processor into a state that KVM cannot run. Start the desktop again.{detail}"
            );
            return (ExitReason::Crashed, text);
        }
        match (self.shutdown.as_deref(), status.signal()) {
            (Some("guest-shutdown"), None) => {
                (ExitReason::GuestPowerOff, "The guest shut itself down.".to_owned())
            }
            (_, Some(libc::SIGKILL)) => (
                ExitReason::Crashed,
                "QEMU was killed (SIGKILL), by hand or by the kernel for lack of memory. Start the desktop again."
                    .to_owned(),
            ),
            (_, Some(signal)) => {
                (ExitReason::Crashed, format!("QEMU crashed with signal {signal}. Start the desktop again.{detail}"))
            }
            (Some("host-signal"), None) => (
                ExitReason::Crashed,
                "A signal from outside of Oriel ended QEMU. Start the desktop again.".to_owned(),
            ),
            (_, None) => (
                ExitReason::Crashed,
                format!("QEMU ended unexpectedly ({status}). Start the desktop again.{detail}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: i32 = 0;
    const EXIT_1: i32 = 1 << 8;

    fn explain(exit_hints: &ExitHints, raw: i32) -> (ExitReason, String) {
        exit_hints.explain(ExitStatus::from_raw(raw), Some("assertion failed"))
    }

    #[test]
    fn each_exit_has_its_reason() {
        let stopped = ExitHints { stop_requested: true, ..ExitHints::default() };
        assert_eq!(explain(&stopped, libc::SIGKILL).0, ExitReason::Stopped);
        let off = ExitHints { shutdown: Some("guest-shutdown".to_owned()), ..ExitHints::default() };
        assert_eq!(explain(&off, CLEAN).0, ExitReason::GuestPowerOff);
        let panic =
            ExitHints { panicked: true, shutdown: Some("guest-panic".to_owned()), ..ExitHints::default() };
        assert_eq!(explain(&panic, CLEAN).0, ExitReason::Crashed);
        assert!(explain(&panic, CLEAN).1.contains("panicked"));
        // A guest that shut down and a QEMU that then crashed: the disk may not be what the guest believes.
        assert_eq!(explain(&off, libc::SIGSEGV).0, ExitReason::Crashed);
    }

    #[test]
    fn a_crash_names_signal_and_last_line_of_stderr() {
        assert!(explain(&ExitHints::default(), libc::SIGKILL).1.contains("killed"));
        let segfault = explain(&ExitHints::default(), libc::SIGSEGV).1;
        assert!(segfault.contains("signal 11") && segfault.contains("assertion failed"), "{segfault}");
        assert!(explain(&ExitHints::default(), EXIT_1).1.contains("assertion failed"));
        assert!(explain(&ExitHints::default(), CLEAN).1.contains("unexpectedly"));
    }
}
