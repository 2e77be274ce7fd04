//! `oriel-vmm probe`: facts of this host, and the jail that it gives.

use oriel_vmm::{host, supervisor};
use oriel_vmm_api::{Jail, JailPart};

/// Prints the facts as one JSON object.
pub fn run() -> Result<(), String> {
    let jail = supervisor::probe_jail().unwrap_or_else(|error| {
        let mut none = Jail::default();
        let text = format!("No process could be started to find out what jail this host gives: {error}.");
        none.add(JailPart::Descriptors, false, text);
        none
    });
    println!("{}", serde_json::to_string_pretty(&host::facts(jail)).map_err(|error| error.to_string())?);
    Ok(())
}
