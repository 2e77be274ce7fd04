//! Topology of the virtual processors: one package with one core per processor and one thread per core. APIC
//! IDs are consecutive from 0.

/// Topology of a guest's virtual processors, as CPUID reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// Number of virtual processors.
    pub cpus: u32,
}

impl Topology {
    /// Returns the number of low bits of the APIC ID that identify the core.
    pub fn core_bits(self) -> u32 {
        self.cpus.max(1).next_power_of_two().trailing_zeros()
    }

    /// Returns the number of APIC IDs of the package, a power of two, as CPUID leaves 1 and 4 count them.
    pub fn core_ids(self) -> u32 {
        1 << self.core_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apic_ids_have_room_for_every_core() {
        let ids = |cpus| Topology { cpus }.core_ids();
        assert_eq!([ids(1), ids(2), ids(3), ids(4), ids(5), ids(64)], [1, 2, 4, 4, 8, 64]);
    }
}
