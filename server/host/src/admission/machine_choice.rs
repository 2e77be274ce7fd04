//! Choice of the machine that runs a desktop on this host, with a sentence for the user.

use crate::images::RunsAt;
use crate::spec::MachinePreference;
use oriel_vmm_api::{Accel, HostFacts, KvmFinding, MachineKind};

/// Machine for a desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineChoice {
    /// Kind of the machine: Oriel's own on KVM, or QEMU.
    pub machine: MachineKind,
    /// Accelerator that executes the guest's code: KVM or TCG.
    pub accel: Accel,
    /// Effect on the desktop's speed in one sentence for the user.
    pub text: String,
}

/// Chooses the machine for an image on this host. [`MachinePreference::Auto`] selects Oriel's own machine
/// wherever the guest runs natively on the host's KVM. A guest without a kernel of its own (`has_kernel`)
/// needs QEMU's firmware.
///
/// # Errors
/// One sentence that says what the host lacks.
pub fn choose(
    preference: MachinePreference,
    runs_at: RunsAt,
    has_kernel: bool,
    host: &HostFacts,
) -> Result<MachineChoice, String> {
    let native = match host.kvm {
        KvmFinding::Real => true,
        KvmFinding::Interpreting => runs_at == RunsAt::User,
        KvmFinding::Forbidden | KvmFinding::Absent => false,
    };
    match preference {
        MachinePreference::Kvm if !has_kernel => Err(
            "This desktop's image has no kernel of its own, and only QEMU's firmware boots it from its disk; set \
             its pool's machine to auto or qemu."
                .into(),
        ),
        _ if !has_kernel => qemu(native, host),
        MachinePreference::Kvm if matches!(host.kvm, KvmFinding::Forbidden | KvmFinding::Absent) => Err(format!(
            "This desktop is set to run on KVM alone, which this host does not offer: {}",
            host.kvm_text
        )),
        MachinePreference::Kvm | MachinePreference::Auto if native => Ok(MachineChoice {
            machine: MachineKind::Kvm,
            accel: Accel::Kvm,
            text: "Runs on KVM at native speed.".into(),
        }),
        MachinePreference::Kvm => Ok(MachineChoice {
            machine: MachineKind::Kvm,
            accel: Accel::Kvm,
            text: "Runs on a KVM that interprets guest kernels, because this host has no hardware virtualization: \
                   expect it to be too slow to use."
                .into(),
        }),
        MachinePreference::Auto | MachinePreference::Qemu => qemu(native, host),
    }
}

/// Chooses QEMU, with KVM if guests run natively on the host's KVM.
///
/// # Errors
/// One sentence: QEMU or its D-Bus display is not installed.
fn qemu(native: bool, host: &HostFacts) -> Result<MachineChoice, String> {
    if host.qemu.is_none() {
        return Err(format!(
            "This desktop needs QEMU, which is not installed; install it with: apt-get install qemu-system-x86. ({})",
            host.kvm_text.trim_end_matches('.')
        ));
    }
    if !host.qemu_dbus_display {
        return Err(
            "This desktop needs QEMU's D-Bus display, which the installed QEMU lacks; install QEMU 7.0 or \
                    newer with its ui-dbus module (qemu-system-common on Debian)."
                .into(),
        );
    }
    let (accel, text) = if native {
        (Accel::Kvm, "Runs in QEMU on KVM at native speed.")
    } else {
        (
            Accel::Tcg,
            "Runs in QEMU by emulation because this host has no hardware virtualization: expect 10 to 30 times slower.",
        )
    };
    Ok(MachineChoice { machine: MachineKind::Qemu, accel, text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(kvm: KvmFinding, qemu: bool) -> HostFacts {
        HostFacts {
            kvm,
            kvm_text: "What was found.".into(),
            qemu: qemu.then(|| "7.2".into()),
            qemu_dbus_display: qemu,
            passt: None,
            cpus: 2,
            memory_mib: 4096,
            jail: Default::default(),
        }
    }

    fn chosen(preference: MachinePreference, runs_at: RunsAt, kvm: KvmFinding) -> (MachineKind, Accel) {
        let choice = choose(preference, runs_at, true, &host(kvm, true)).unwrap();
        (choice.machine, choice.accel)
    }

    #[test]
    fn auto_takes_the_fastest_that_is_right() {
        use KvmFinding::*;
        let auto = |runs_at, kvm| chosen(MachinePreference::Auto, runs_at, kvm);
        assert_eq!(auto(RunsAt::Kernel, Real), (MachineKind::Kvm, Accel::Kvm));
        assert_eq!(auto(RunsAt::User, Real), (MachineKind::Kvm, Accel::Kvm));
        assert_eq!(auto(RunsAt::User, Interpreting), (MachineKind::Kvm, Accel::Kvm));
        assert_eq!(auto(RunsAt::Kernel, Interpreting), (MachineKind::Qemu, Accel::Tcg));
        assert_eq!(auto(RunsAt::User, Absent), (MachineKind::Qemu, Accel::Tcg));
        assert_eq!(auto(RunsAt::Kernel, Forbidden), (MachineKind::Qemu, Accel::Tcg));
    }

    #[test]
    fn qemu_gets_kvm_where_that_is_native() {
        let qemu = |runs_at, kvm| chosen(MachinePreference::Qemu, runs_at, kvm);
        assert_eq!(qemu(RunsAt::Kernel, KvmFinding::Real), (MachineKind::Qemu, Accel::Kvm));
        assert_eq!(qemu(RunsAt::User, KvmFinding::Interpreting), (MachineKind::Qemu, Accel::Kvm));
        assert_eq!(qemu(RunsAt::Kernel, KvmFinding::Interpreting), (MachineKind::Qemu, Accel::Tcg));
    }

    #[test]
    fn what_is_missing_is_said() {
        let without_kvm =
            choose(MachinePreference::Kvm, RunsAt::Kernel, true, &host(KvmFinding::Forbidden, true));
        assert!(without_kvm.unwrap_err().contains("What was found."));
        let without_qemu =
            choose(MachinePreference::Auto, RunsAt::Kernel, true, &host(KvmFinding::Absent, false));
        assert!(without_qemu.unwrap_err().contains("apt-get install qemu-system-x86"));
        let old = HostFacts { qemu_dbus_display: false, ..host(KvmFinding::Absent, true) };
        assert!(choose(MachinePreference::Qemu, RunsAt::Kernel, true, &old).unwrap_err().contains("D-Bus"));
    }

    #[test]
    fn a_disk_without_a_kernel_is_for_firmware() {
        let real = host(KvmFinding::Real, true);
        let choice = choose(MachinePreference::Auto, RunsAt::Kernel, false, &real).unwrap();
        assert_eq!((choice.machine, choice.accel), (MachineKind::Qemu, Accel::Kvm));
        assert!(
            choose(MachinePreference::Kvm, RunsAt::Kernel, false, &real).unwrap_err().contains("no kernel")
        );
    }

    #[test]
    fn emulation_is_said_plainly() {
        let choice =
            choose(MachinePreference::Auto, RunsAt::Kernel, true, &host(KvmFinding::Absent, true)).unwrap();
        assert!(choice.text.contains("10 to 30 times slower"));
    }
}
