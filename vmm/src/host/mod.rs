//! Facts of the host for `oriel-vmm probe`: KVM, QEMU, passt, processors, memory.
//!
//! Also opens `/dev/kvm` for machines, and measures the resident memory of this process. The types of
//! the facts are in `oriel_vmm_api::host`; nothing here depends on a desktop.

mod kvm;
mod residency;

pub use kvm::{KvmUnusable, kvm, open_kvm};
pub use residency::Residency;

use oriel_vmm_api::{HostFacts, Jail};

/// Collects the facts of this host, and adds `jail`, the report of a probe process. Takes less than a second.
pub fn facts(jail: Jail) -> HostFacts {
    let (finding, kvm_text) = kvm::find();
    let qemu = oriel_qemu::installed();
    HostFacts {
        kvm: finding,
        kvm_text,
        qemu_dbus_display: qemu.as_ref().is_some_and(|qemu| qemu.dbus_display),
        qemu: qemu.map(|qemu| qemu.version),
        passt: oriel_net::installed_passt(),
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        memory_mib: memory_mib(),
        jail,
    }
}

/// Returns the memory of the host in MiB.
pub fn memory_mib() -> u64 {
    // sysinfo(2) works in a jail, where /proc is not readable.
    let facts = rustix::system::sysinfo();
    facts.totalram.saturating_mul(facts.mem_unit.into()) >> 20
}
