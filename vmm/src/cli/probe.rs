//! Command `oriel-vmm probe`: facts of this host, with the report of a jailed probe process.

use oriel_vmm::{host, supervisor};
use oriel_vmm_api::{Jail, JailPart};

/// Prints [`oriel_vmm_api::HostFacts`] as one JSON object.
///
/// # Errors
/// None with the current type. A probe process that does not start is part of the printed report.
pub fn run() -> Result<(), String> {
    let jail = supervisor::probe_jail().unwrap_or_else(|error| {
        let mut jail = Jail::default();
        let text = format!("The process that probes the jail could not be started: {error}.");
        jail.add(JailPart::Descriptors, false, text);
        jail
    });
    println!("{}", serde_json::to_string_pretty(&host::facts(jail)).map_err(|error| error.to_string())?);
    Ok(())
}
