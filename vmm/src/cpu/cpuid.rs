//! CPUID of the virtual processors: KVM's supported features, with the guest's topology
//! (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
//!
//! KVM's own leaves (Linux, Documentation/virt/kvm/x86/cpuid.rst) and the invariant time-stamp counter pass
//! unchanged: kvmclock, stolen time, asynchronous page faults, and features that save exits.

use super::topology::Topology;
use kvm_bindings::{CpuId, kvm_cpuid_entry2};

/// Leaf 1, ECX: the local APIC's timer has a TSC-deadline mode.
const TSC_DEADLINE: u32 = 1 << 24;
/// Leaf 1, ECX: a hypervisor is present.
const HYPERVISOR: u32 = 1 << 31;
/// Leaf 1, EDX: the package has more than one APIC ID (HTT).
const HYPER_THREADING: u32 = 1 << 28;

/// Leaf 0xB, ECX: type of the level of threads.
const LEVEL_THREAD: u32 = 1 << 8;
/// Leaf 0xB, ECX: type of the level of cores.
const LEVEL_CORE: u32 = 2 << 8;

/// Returns the CPUID of the virtual processor with the APIC ID `id`, from the leaves that KVM supports on
/// this host. `tsc_deadline` reports whether KVM emulates the TSC-deadline timer.
pub fn for_processor(supported: &CpuId, id: u32, topology: Topology, tsc_deadline: bool) -> CpuId {
    let mut cpuid = supported.clone();
    cpuid.retain(|entry| !is_hidden(entry));
    for entry in cpuid.as_mut_slice() {
        adapt(entry, id, topology, tsc_deadline);
    }
    cpuid
}

/// Reports whether a leaf is removed: the newer topology leaves, which would only repeat leaf 0xB, and levels
/// of leaf 0xB above cores.
fn is_hidden(entry: &kvm_cpuid_entry2) -> bool {
    matches!(entry.function, 0x1F | 0x8000_0026) || (entry.function == 0xB && entry.index > 1)
}

/// Adapts one leaf to the topology and to the features of the guest.
fn adapt(entry: &mut kvm_cpuid_entry2, id: u32, topology: Topology, tsc_deadline: bool) {
    let last_core = topology.cpus.saturating_sub(1);
    match (entry.function, entry.index) {
        (0x1, _) => {
            entry.ebx = entry.ebx & 0x0000_FFFF | topology.core_ids().min(255) << 16 | id << 24;
            entry.ecx |= HYPERVISOR;
            set(&mut entry.ecx, TSC_DEADLINE, tsc_deadline);
            set(&mut entry.edx, HYPER_THREADING, topology.cpus > 1);
        }
        // Deterministic cache parameters: the first two levels belong to a core, the third to all.
        (0x4 | 0x8000_001D, _) if entry.eax & 0x1F != 0 => {
            let level = entry.eax >> 5 & 7;
            let sharing = if level >= 3 { topology.core_ids() - 1 } else { 0 };
            entry.eax = entry.eax & 0x3FFF | sharing << 14;
            if entry.function == 0x4 {
                entry.eax |= (topology.core_ids() - 1) << 26;
            }
        }
        // No performance counters: a watchdog on them would wake idle guests.
        (0xA | 0x8000_0022, _) => clear(entry),
        (0xB, 0) => {
            (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 1, LEVEL_THREAD, id);
        }
        (0xB, 1) => {
            let bits = topology.core_bits();
            (entry.eax, entry.ebx, entry.ecx, entry.edx) = (bits, topology.cpus, LEVEL_CORE | 1, id);
        }
        (0x8000_0008, _) => {
            entry.ecx = entry.ecx & !0xF0FF | topology.core_bits() << 12 | last_core.min(255);
        }
        (0x8000_001E, _) => {
            (entry.eax, entry.ebx, entry.ecx) = (id, id & 0xFF, 0);
        }
        _ => {}
    }
}

fn set(register: &mut u32, bit: u32, on: bool) {
    *register = if on { *register | bit } else { *register & !bit };
}

fn clear(entry: &mut kvm_cpuid_entry2) {
    (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 0, 0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(function: u32, index: u32, eax: u32) -> kvm_cpuid_entry2 {
        kvm_cpuid_entry2 { function, index, eax, ..Default::default() }
    }

    fn adapted(cpus: u32, id: u32) -> CpuId {
        let supported = CpuId::from_entries(&[
            entry(1, 0, 0),
            entry(4, 0, 0x21),
            entry(4, 1, 0x63),
            entry(4, 2, 0),
            entry(0xA, 0, 5),
            entry(0xB, 0, 0),
            entry(0xB, 1, 0),
            entry(0xB, 2, 0),
            entry(0x1F, 0, 7),
            entry(0x8000_0008, 0, 0x3030),
            entry(0x8000_001E, 0, 0),
        ])
        .unwrap();
        for_processor(&supported, id, Topology { cpus }, true)
    }

    fn leaf(cpuid: &CpuId, function: u32, index: u32) -> kvm_cpuid_entry2 {
        *cpuid.as_slice().iter().find(|e| (e.function, e.index) == (function, index)).unwrap()
    }

    #[test]
    fn every_leaf_tells_the_same_topology() {
        let cpuid = adapted(3, 2);
        assert_eq!(leaf(&cpuid, 1, 0).ebx, 2 << 24 | 4 << 16);
        assert_eq!(leaf(&cpuid, 4, 0).eax, 0x21 | 3 << 26);
        assert_eq!(leaf(&cpuid, 4, 1).eax, 0x63 | 3 << 14 | 3 << 26);
        assert_eq!(leaf(&cpuid, 4, 2).eax, 0, "the end of the list stays the end");
        let cores = leaf(&cpuid, 0xB, 1);
        assert_eq!((cores.eax, cores.ebx, cores.edx), (2, 3, 2));
        assert_eq!(leaf(&cpuid, 0x8000_0008, 0).ecx, 2 << 12 | 2);
        assert_eq!(leaf(&cpuid, 0x8000_001E, 0).eax, 2);
        assert!(!cpuid.as_slice().iter().any(|e| e.function == 0x1F || (e.function == 0xB && e.index == 2)));
    }

    #[test]
    fn what_kvm_offers_for_time_and_idling_goes_through() {
        let features = kvm_cpuid_entry2 { function: 0x4000_0001, eax: 0x0100_7EFB, ..Default::default() };
        let invariant_tsc = kvm_cpuid_entry2 { function: 0x8000_0007, edx: 1 << 8, ..Default::default() };
        let supported = CpuId::from_entries(&[features, invariant_tsc]).unwrap();
        let cpuid = for_processor(&supported, 0, Topology { cpus: 1 }, true);
        assert_eq!(cpuid.as_slice(), [features, invariant_tsc]);
    }

    #[test]
    fn guests_know_that_they_are_guests_and_get_the_deadline_timer() {
        let cpuid = adapted(1, 0);
        let features = leaf(&cpuid, 1, 0);
        assert_ne!(features.ecx & HYPERVISOR, 0);
        assert_ne!(features.ecx & TSC_DEADLINE, 0);
        assert_eq!(features.edx & HYPER_THREADING, 0);
        assert_eq!(leaf(&cpuid, 0xA, 0).eax, 0);
    }
}
