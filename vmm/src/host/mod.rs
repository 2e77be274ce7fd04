//! What this host offers: KVM, QEMU, passt, processors, memory.

mod kvm;
mod residency;

pub use kvm::{KvmUnusable, kvm, open_kvm};
pub use residency::Residency;

use oriel_vmm_api::{HostFacts, Jail};

/// Facts of this host, with the `jail` that a probe of it found. Takes well under a second.
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

/// The host's memory in MiB.
pub fn memory_mib() -> u64 {
    // A jailed process can ask this, and cannot read /proc.
    let facts = rustix::system::sysinfo();
    facts.totalram.saturating_mul(facts.mem_unit.into()) >> 20
}
