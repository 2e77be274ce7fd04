//! Validation of a machine's configuration for QEMU, before a process is started.

use crate::error::StartError;
use oriel_vmm_api::MachineConfig;
use oriel_wire::MAX_SCREENS;

/// Minimum memory of a machine in MiB; no guest boots with less.
pub(crate) const MIN_MEMORY_MIB: u32 = 64;

/// Checks the limits for which QEMU itself would not print a plain sentence.
///
/// # Errors
/// [`StartError::Config`] when the number of processors or screens, the memory, or the generation is out of
/// range.
pub(crate) fn validate(config: &MachineConfig) -> Result<(), StartError> {
    if !(1..=64).contains(&config.cpus) {
        return Err(StartError::Config("a machine has 1 to 64 processors".to_owned()));
    }
    if !(1..=MAX_SCREENS).contains(&config.screens.into()) {
        return Err(StartError::Config(format!("a desktop has 1 to {MAX_SCREENS} screens")));
    }
    if config.memory_mib < MIN_MEMORY_MIB {
        return Err(StartError::Config(format!("a machine has at least {MIN_MEMORY_MIB} MiB of memory")));
    }
    if let Some(generation) = &config.generation
        && (generation.len() != 32 || !generation.bytes().all(|digit| digit.is_ascii_hexdigit()))
    {
        return Err(StartError::Config("a generation has 32 hexadecimal digits".to_owned()));
    }
    Ok(())
}
