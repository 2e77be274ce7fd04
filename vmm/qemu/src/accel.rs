//! Choice between hardware virtualization (KVM) and emulation (TCG), and of QEMU's CPU model.

use crate::error::StartError;
use oriel_vmm_api::Accel;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};

/// Chooses the accelerator that executes guest code: `requested`, or else KVM where the processor has
/// virtualization and /dev/kvm opens, or else TCG. A /dev/kvm on a processor without virtualization
/// interprets guest kernels, which is slower than TCG.
///
/// # Errors
/// [`StartError::KvmAbsent`], [`StartError::KvmDenied`] or [`StartError::KvmUnusable`] when KVM is requested
/// and /dev/kvm does not open.
pub fn choose_accel(requested: Option<Accel>) -> Result<Accel, StartError> {
    match requested {
        Some(Accel::Tcg) => Ok(Accel::Tcg),
        Some(Accel::Kvm) => match open_kvm() {
            Ok(()) => Ok(Accel::Kvm),
            Err(error) => Err(match error.kind() {
                ErrorKind::NotFound => StartError::KvmAbsent,
                ErrorKind::PermissionDenied => StartError::KvmDenied,
                _ => StartError::KvmUnusable(error),
            }),
        },
        None if processor_virtualizes() && open_kvm().is_ok() => Ok(Accel::Kvm),
        None => Ok(Accel::Tcg),
    }
}

/// Returns the value of QEMU's `-cpu`: the model with all features that the accelerator supports.
pub(crate) fn cpu_model(accel: Accel) -> &'static str {
    match accel {
        Accel::Tcg => "max",
        Accel::Kvm if processor_virtualizes() => "host",
        // A KVM without hardware behind it offers this feature and then refuses its MSR.
        Accel::Kvm => "host,arch-capabilities=off",
    }
}

/// Opens /dev/kvm once for reading and writing, to find out whether the process may.
fn open_kvm() -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop)
}

/// Whether /proc/cpuinfo lists the feature VMX (Intel) or SVM (AMD).
fn processor_virtualizes() -> bool {
    let Ok(facts) = fs::read_to_string("/proc/cpuinfo") else { return false };
    facts
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm"))
}
