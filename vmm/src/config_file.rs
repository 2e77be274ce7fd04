//! The configuration's file.

use oriel_vmm_api::MachineConfig;
use std::path::Path;

/// Reads the configuration at `path`.
///
/// # Errors
/// One plain sentence.
pub fn read(path: &Path) -> Result<MachineConfig, String> {
    let text = std::fs::read(path)
        .map_err(|error| format!("The configuration {} cannot be read: {error}.", path.display()))?;
    serde_json::from_slice(&text)
        .map_err(|error| format!("The configuration {} is not valid: {error}.", path.display()))
}
