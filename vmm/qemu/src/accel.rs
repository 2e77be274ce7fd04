//! Hardware virtualization or emulation.

use crate::error::StartError;
use oriel_vmm_api::Accel;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};

/// What QEMU shall execute guest code with: as `wanted`, or else KVM where the processor offers
/// virtualization and /dev/kvm opens, or else emulation. A /dev/kvm on a processor without it
/// interprets guest kernels, which is slower than QEMU's emulation.
///
/// # Errors
/// KVM is wanted and cannot be had.
pub fn choose_accel(requested: Option<Accel>) -> Result<Accel, StartError> {
    match requested {
        Some(Accel::Tcg) => Ok(Accel::Tcg),
        Some(Accel::Kvm) => match open_kvm() {
            Ok(()) => Ok(Accel::Kvm),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(StartError::KvmDenied),
            Err(_) => Err(StartError::KvmAbsent),
        },
        None if processor_virtualizes() && open_kvm().is_ok() => Ok(Accel::Kvm),
        None => Ok(Accel::Tcg),
    }
}

/// QEMU's `-cpu`: all that the accelerator can give.
pub(crate) fn cpu_model(accel: Accel) -> &'static str {
    match accel {
        Accel::Tcg => "max",
        Accel::Kvm if processor_virtualizes() => "host",
        // A KVM without hardware behind it offers this feature and then refuses its MSR.
        Accel::Kvm => "host,arch-capabilities=off",
    }
}

fn open_kvm() -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop)
}

fn processor_virtualizes() -> bool {
    let Ok(facts) = fs::read_to_string("/proc/cpuinfo") else { return false };
    facts
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm"))
}
