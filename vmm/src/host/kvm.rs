//! Opening of `/dev/kvm`, and detection of hardware virtualization behind it.
//!
//! Detection runs a loop in a tiny guest and measures its speed: a host without VT-x or AMD-V can offer
//! a `/dev/kvm` that interprets guest kernels. Machines only use [`open_kvm`] and [`kvm`].

use kvm_bindings::{kvm_dtable, kvm_regs, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Cap, Kvm, VcpuExit};
use oriel_vmm_api::KvmFinding;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::time::{Duration, Instant};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

const DEVICE: &str = "/dev/kvm";
/// Version of the KVM interface (Linux, Documentation/virt/kvm/api.rst, `KVM_GET_API_VERSION`).
const API_VERSION: i32 = 12;

/// KVM capabilities that every machine needs, with their names for the error.
const NEEDED: [(Cap, &str); 5] = [
    (Cap::Irqchip, "interrupt controllers"),
    (Cap::Ioeventfd, "ioeventfd"),
    (Cap::SignalMsi, "message-signalled interrupts"),
    (Cap::UserMemory, "user memory"),
    (Cap::ImmediateExit, "immediate exit"),
];

/// Error of [`open_kvm`]; its text is a clause for users, with the next step.
#[derive(Debug)]
pub struct KvmUnusable {
    /// Kind of KVM: `Absent` or `Forbidden`.
    pub finding: KvmFinding,
    text: String,
}

impl fmt::Display for KvmUnusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the KVM handle of an open `/dev/kvm`.
pub fn kvm(device: OwnedFd) -> Kvm {
    // SAFETY: the descriptor is open, and the result is its only owner.
    unsafe { Kvm::from_raw_fd(device.into_raw_fd()) }
}

/// Opens `/dev/kvm` and checks its version and the capabilities that machines need.
///
/// # Errors
/// When the device is missing, not accessible, or lacks a capability.
pub fn open_kvm() -> Result<OwnedFd, KvmUnusable> {
    let absent = |text: String| KvmUnusable { finding: KvmFinding::Absent, text };
    let opened =
        File::options().read(true).write(true).open(DEVICE).and_then(|file| Ok((file.try_clone()?, file)));
    let (copy, device) = opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => KvmUnusable {
            finding: KvmFinding::Forbidden,
            text: format!(
                "{DEVICE} may not be opened by this user; add the user to the group kvm and log in again"
            ),
        },
        io::ErrorKind::NotFound => absent(format!(
            "{DEVICE} is missing; switch on virtualization (VT-x or AMD-V) in the firmware and load kvm_intel \
             or kvm_amd"
        )),
        _ => absent(format!("{DEVICE} does not open: {error}")),
    })?;
    let kvm = kvm(copy.into());
    if kvm.get_api_version() != API_VERSION {
        return Err(absent(format!(
            "{DEVICE} does not have version {API_VERSION} of KVM's interface; use a newer kernel"
        )));
    }
    if let Some((_, lacking)) = NEEDED.iter().find(|(capability, _)| !kvm.check_extension(*capability)) {
        return Err(absent(format!("the host's KVM lacks {lacking}; use a newer kernel")));
    }
    Ok(device.into())
}

/// Determines the kind of the host's KVM; returns it with one sentence for users.
pub fn find() -> (KvmFinding, String) {
    let kvm = match open_kvm() {
        Ok(device) => kvm(device),
        Err(unusable) => return (unusable.finding, format!("{unusable}.")),
    };
    match measure(&kvm) {
        Ok(pace) if pace.is_real() => {
            (KvmFinding::Real, "KVM works with hardware virtualization: any guest runs at full speed.".into())
        }
        Ok(pace) => (
            KvmFinding::Interpreting,
            format!(
                "KVM opens, but runs guest kernels at only {:.1} million instructions a second: there is no \
                 hardware virtualization behind it, so ordinary desktops run by emulation.",
                pace.turns_per_second() * INSTRUCTIONS_PER_TURN / 1e6
            ),
        ),
        Err(error) => (
            KvmFinding::Absent,
            format!(
                "KVM opens, but does not run even the smallest guest ({error}); look into the kernel log."
            ),
        ),
    }
}

/// Guest code, 32-bit with flat segments: `mov ecx, TURNS; dec ecx; jnz -3; out 0x80, al; jmp start`.
const LOOP: [u8; 12] = [0xB9, 0x10, 0x27, 0, 0, 0x49, 0x75, 0xFD, 0xE6, 0x80, 0xEB, 0xF4];
/// Turns of the loop per round; a round ends at the port write.
const TURNS_PER_ROUND: u32 = 10_000;
/// Instructions per turn: `dec` and `jnz`.
const INSTRUCTIONS_PER_TURN: f64 = 2.0;
/// Number of rounds on a fast KVM.
const ROUNDS: u32 = 100;
/// Number of rounds after which a slow KVM is classified, so that the probe stays short.
const ROUNDS_IF_SLOW: u32 = 3;
/// Lowest speed of hardware virtualization, in turns per second. Hardware reaches about 100 times as many,
/// hardware nested in emulation 10 times, and interpreters a tenth.
const REAL_TURNS_PER_SECOND: f64 = 5e6;

/// Shortest time of a round. Other rounds may include time of other processes.
struct Pace(Duration);

impl Pace {
    /// Returns the speed in turns of the loop per second.
    fn turns_per_second(&self) -> f64 {
        f64::from(TURNS_PER_ROUND) / self.0.as_secs_f64().max(1e-9)
    }

    /// Returns whether the speed is that of hardware virtualization.
    fn is_real(&self) -> bool {
        self.turns_per_second() >= REAL_TURNS_PER_SECOND
    }
}

/// Measures the loop in the guest's kernel mode: 10^6 turns on a fast KVM, 3 * 10^4 on a slow one.
fn measure(kvm: &Kvm) -> Result<Pace, String> {
    let text = |error: kvm_ioctls::Error| error.to_string();
    const CODE: u64 = 0x1000;
    let ram = GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), 0x2000)]).map_err(|e| e.to_string())?;
    ram.write_slice(&LOOP, GuestAddress(CODE)).map_err(|error| error.to_string())?;
    let vm = kvm.create_vm().map_err(text)?;
    vm.set_tss_address(0xFFFB_D000).map_err(text)?;
    for region in ram.iter() {
        let slot = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: region.start_addr().raw_value(),
            memory_size: region.len(),
            userspace_addr: region.as_ptr() as u64,
        };
        // SAFETY: the region is mapped until the end of this function, after the VM is gone.
        unsafe { vm.set_user_memory_region(slot) }.map_err(text)?;
    }
    let mut vcpu = vm.create_vcpu(0).map_err(text)?;
    let mut sregs = vcpu.get_sregs().map_err(text)?;
    let flat = kvm_segment { limit: u32::MAX, present: 1, s: 1, g: 1, db: 1, ..Default::default() };
    sregs.cs = kvm_segment { selector: 8, type_: 0xB, ..flat };
    for segment in [&mut sregs.ds, &mut sregs.es, &mut sregs.fs, &mut sregs.gs, &mut sregs.ss] {
        *segment = kvm_segment { selector: 0x10, type_: 3, ..flat };
    }
    sregs.gdt = kvm_dtable::default();
    sregs.cr0 |= 1;
    vcpu.set_sregs(&sregs).map_err(text)?;
    vcpu.set_regs(&kvm_regs { rip: CODE, rflags: 2, ..Default::default() }).map_err(text)?;

    let mut best = Duration::MAX;
    for round in 1..=ROUNDS {
        let start = Instant::now();
        match vcpu.run() {
            Ok(VcpuExit::IoOut(..)) => {}
            Ok(exit) => return Err(format!("it left with {exit:?}")),
            Err(error) if error.errno() == libc::EINTR => continue,
            Err(error) => return Err(error.to_string()),
        }
        best = best.min(start.elapsed());
        if round >= ROUNDS_IF_SLOW && !Pace(best).is_real() {
            break;
        }
    }
    Ok(Pace(best))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_turns_as_often_as_is_counted() {
        assert_eq!(LOOP[1..5], TURNS_PER_ROUND.to_le_bytes());
    }

    #[test]
    fn hardware_is_told_from_interpretation() {
        assert!(Pace(Duration::from_micros(10)).is_real());
        assert!(Pace(Duration::from_micros(500)).is_real(), "nested in emulation");
        assert!(!Pace(Duration::from_millis(25)).is_real());
    }
}
