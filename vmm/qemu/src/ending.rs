//! Why QEMU ended, in a word and a sentence.

use oriel_vmm_api::ExitReason;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What was heard of the machine before its process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Omens {
    /// [`crate::QemuMachine::stop`] was called.
    pub stop_wanted: bool,
    /// The guest's kernel panicked.
    pub panicked: bool,
    /// The processor met a state that it cannot go on from (KVM internal error).
    pub processor_failed: bool,
    /// The reason of QMP's SHUTDOWN event.
    pub shutdown: Option<String>,
}

impl Omens {
    /// Tells why, from this, from how the process ended and from its last words on standard error.
    pub fn explain(&self, status: ExitStatus, last_line: Option<&str>) -> (ExitReason, String) {
        let said = last_line.map(|line| format!(" Its last words: {line}")).unwrap_or_default();
        if self.stop_wanted {
            return (ExitReason::Stopped, "The desktop was stopped.".to_owned());
        }
        if self.panicked {
            let text = "The guest's kernel panicked; its serial log says why. Start the desktop again.";
            return (ExitReason::Crashed, text.to_owned());
        }
        if self.processor_failed {
            let text = format!(
                "The guest brought its virtual processor into a state that KVM cannot run. Start the desktop again.{said}"
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
                (ExitReason::Crashed, format!("QEMU crashed with signal {signal}. Start the desktop again.{said}"))
            }
            (Some("host-signal"), None) => (
                ExitReason::Crashed,
                "QEMU was told to end from outside of Oriel (by a signal). Start the desktop again.".to_owned(),
            ),
            (_, None) => (
                ExitReason::Crashed,
                format!("QEMU ended unexpectedly ({status}). Start the desktop again.{said}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: i32 = 0;
    const EXIT_1: i32 = 1 << 8;

    fn explain(omens: &Omens, raw: i32) -> (ExitReason, String) {
        omens.explain(ExitStatus::from_raw(raw), Some("it hurts"))
    }

    #[test]
    fn each_end_has_its_name() {
        let stopped = Omens { stop_wanted: true, ..Omens::default() };
        assert_eq!(explain(&stopped, libc::SIGKILL).0, ExitReason::Stopped);
        let off = Omens { shutdown: Some("guest-shutdown".to_owned()), ..Omens::default() };
        assert_eq!(explain(&off, CLEAN).0, ExitReason::GuestPowerOff);
        let panic = Omens { panicked: true, shutdown: Some("guest-panic".to_owned()), ..Omens::default() };
        assert_eq!(explain(&panic, CLEAN).0, ExitReason::Crashed);
        assert!(explain(&panic, CLEAN).1.contains("panicked"));
        // A guest that shut down and a QEMU that then crashed: the disk may not be what the guest believes.
        assert_eq!(explain(&off, libc::SIGSEGV).0, ExitReason::Crashed);
    }

    #[test]
    fn a_crash_names_the_signal_and_the_last_line() {
        assert!(explain(&Omens::default(), libc::SIGKILL).1.contains("killed"));
        let segfault = explain(&Omens::default(), libc::SIGSEGV).1;
        assert!(segfault.contains("signal 11") && segfault.contains("it hurts"), "{segfault}");
        assert!(explain(&Omens::default(), EXIT_1).1.contains("it hurts"));
        assert!(explain(&Omens::default(), CLEAN).1.contains("unexpectedly"));
    }
}
