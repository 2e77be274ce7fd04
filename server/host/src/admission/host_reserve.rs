//! Reserve: memory and processors that the host keeps for itself, and the limits that follow for desktops.

use crate::error::DesktopError;
use std::thread::available_parallelism;

/// Default reserve of memory in MiB; at most a quarter of the host's memory.
const MEMORY_MIB: u64 = 2048;
/// Default reserve of processors; at most half of the host's processors.
const CPUS: u32 = 2;

/// Settings of a host's reserve, made by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReserveSettings {
    /// Memory in MiB that the host keeps; `None`: 2048, at most a quarter of the host's memory.
    pub memory_mib: Option<u32>,
    /// Number of processors that the host keeps; `None`: 2, at most half of the host's processors.
    pub cpus: Option<u32>,
    /// Number of virtual processors for each processor outside the reserve.
    pub cpu_overcommit: u32,
}

impl Default for ReserveSettings {
    fn default() -> Self {
        Self { memory_mib: None, cpus: None, cpu_overcommit: 10 }
    }
}

/// Size of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSize {
    /// Total memory in MiB; 0 if unknown.
    pub memory_mib: u64,
    /// Number of processors that this process may use.
    pub cpus: u32,
}

/// Reserve of a host, and the overcommitment of the other processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostReserve {
    /// Memory in MiB that the host keeps.
    pub memory_mib: u64,
    /// Number of processors that the host keeps.
    pub cpus: u32,
    /// Number of virtual processors for each processor outside the reserve.
    pub overcommit: u32,
}

impl HostSize {
    /// Measures this computer: its memory, and the processors that this process may use.
    pub fn of_this_host() -> Self {
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            memory_mib: super::host_probe::meminfo_mib(&memory, "MemTotal:").unwrap_or(0),
            cpus: available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        }
    }
}

impl HostReserve {
    /// Computes the reserve of a host from its settings and size.
    pub fn new(settings: &ReserveSettings, host: HostSize) -> Self {
        Self {
            memory_mib: settings.memory_mib.map_or(MEMORY_MIB.min(host.memory_mib / 4), u64::from),
            cpus: settings.cpus.unwrap_or(CPUS.min(host.cpus / 2)),
            overcommit: settings.cpu_overcommit,
        }
    }

    /// Returns the maximum number of virtual processors of all desktops together.
    pub fn most_cpus(&self, host: HostSize) -> u32 {
        host.cpus.saturating_sub(self.cpus).saturating_mul(self.overcommit)
    }

    /// Checks that a desktop of this size would fit the host if no other desktop ran.
    ///
    /// # Errors
    /// One sentence: what does not fit, and how much would.
    pub fn check_size(&self, host: HostSize, memory_mib: u32, cpus: u8) -> Result<(), String> {
        let most = host.memory_mib.saturating_sub(self.memory_mib);
        // An unknown amount of memory is no reason to refuse.
        if host.memory_mib > 0 && u64::from(memory_mib) > most {
            return Err(format!(
                "A desktop with {memory_mib} MiB of memory does not fit this host, which has {} MiB and keeps {} for itself; give it {most} MiB at most.",
                host.memory_mib, self.memory_mib
            ));
        }
        let most = self.most_cpus(host);
        if u32::from(cpus) > most {
            return Err(format!(
                "A desktop with {cpus} processors does not fit this host, which has {most} virtual ones to give ({} processors less {} kept for itself, times {}); give it fewer.",
                host.cpus, self.cpus, self.overcommit
            ));
        }
        Ok(())
    }

    /// Checks that a desktop leaves the reserve's memory alone now. `available_mib` is the host's available
    /// memory; `reserved_mib` is reserved for desktops that start and do not use it yet.
    ///
    /// # Errors
    /// [`DesktopError::Unavailable`] with the memory that is left and the memory that is needed.
    pub fn check_memory(
        &self,
        available_mib: u64,
        reserved_mib: u64,
        wanted_mib: u32,
    ) -> Result<(), DesktopError> {
        let free = available_mib.saturating_sub(reserved_mib).saturating_sub(self.memory_mib);
        if u64::from(wanted_mib) <= free {
            return Ok(());
        }
        Err(DesktopError::Unavailable(format!(
            "The host has {free} MiB of memory left for desktops and this one needs {wanted_mib} MiB; stop another desktop first."
        )))
    }

    /// Checks that a desktop does not exceed the overcommitment of processors. `up` is the number of virtual
    /// processors of the other desktops that are up.
    ///
    /// # Errors
    /// [`DesktopError::Unavailable`] with the number in use and the maximum.
    pub fn check_cpus(&self, host: HostSize, up: u32, wanted: u8) -> Result<(), DesktopError> {
        let most = self.most_cpus(host);
        if up.saturating_add(u32::from(wanted)) <= most {
            return Ok(());
        }
        Err(DesktopError::Unavailable(format!(
            "The desktops that run have {up} of the {most} virtual processors that this host gives and this one needs {wanted}; stop another desktop first."
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(memory_mib: u64, cpus: u32) -> (HostSize, HostReserve) {
        let host = HostSize { memory_mib, cpus };
        (host, HostReserve::new(&ReserveSettings::default(), host))
    }

    #[test]
    fn a_small_host_keeps_less() {
        for (memory, cpus, kept) in
            [(65536, 32, (2048, 2)), (8192, 4, (2048, 2)), (4096, 2, (1024, 1)), (1024, 1, (256, 0))]
        {
            let reserve = reserve(memory, cpus).1;
            assert_eq!((reserve.memory_mib, reserve.cpus), kept, "{memory} MiB, {cpus} processors");
        }
        let set = ReserveSettings { memory_mib: Some(9000), cpus: Some(0), ..ReserveSettings::default() };
        let reserve = HostReserve::new(&set, HostSize { memory_mib: 8192, cpus: 4 });
        assert_eq!((reserve.memory_mib, reserve.cpus), (9000, 0), "what is set holds");
    }

    #[test]
    fn the_reserve_and_reserved_memory_are_not_given_away() {
        let (_, reserve) = reserve(4096, 4);
        assert!(reserve.check_memory(4096, 0, 3072).is_ok());
        assert!(reserve.check_memory(4096, 1, 3072).is_err());
        let refusal = reserve.check_memory(4096, 1024, 3072).unwrap_err();
        assert!(refusal.to_string().contains("2048 MiB of memory left"), "{}", refusal.to_string());
    }

    #[test]
    fn processors_are_shared_up_to_the_ratio_and_no_further() {
        let (host, reserve) = reserve(8192, 4);
        assert_eq!(reserve.most_cpus(host), 20);
        assert!(reserve.check_cpus(host, 16, 4).is_ok());
        let refusal = reserve.check_cpus(host, 17, 4).unwrap_err();
        assert!(refusal.to_string().contains("17 of the 20"), "{}", refusal.to_string());
    }

    #[test]
    fn what_never_fits_is_told_apart_from_what_does_not_fit_now() {
        let (host, reserve) = reserve(8192, 4);
        assert!(reserve.check_size(host, 6144, 20).is_ok());
        assert!(reserve.check_size(host, 6145, 1).unwrap_err().contains("6144 MiB at most"));
        assert!(reserve.check_size(host, 64, 21).unwrap_err().contains("does not fit this host"));
    }
}
