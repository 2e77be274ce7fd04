//! What this host offers: KVM, QEMU, passt, processors, memory.

mod kvm;
mod residency;

pub use kvm::{KvmUnusable, open_kvm};
pub use residency::residency;

use oriel_vmm_api::HostFacts;

/// Looks at the host. Takes well under a second.
pub fn facts() -> HostFacts {
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
    }
}

/// The host's memory in MiB; 0 when the kernel does not tell.
pub fn memory_mib() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}
