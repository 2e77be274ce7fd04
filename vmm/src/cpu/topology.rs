//! The processors' arrangement: one package, as many cores, one thread each; APIC IDs from 0 up.

/// As CPUID speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// Processors in all.
    pub cpus: u32,
}

impl Topology {
    /// Bits of the APIC ID that number cores.
    pub fn core_bits(self) -> u32 {
        self.cpus.max(1).next_power_of_two().trailing_zeros()
    }

    /// APIC IDs set aside for the package, as CPUID leaves 1 and 4 count them.
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
