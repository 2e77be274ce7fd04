//! Configuration file of a machine: a [`MachineConfig`] as JSON.
//!
//! The version is checked before any other field. Values are checked later, where they are used.

use oriel_vmm_api::{CONFIG_VERSION, MachineConfig};
use serde_json::Value;
use std::path::Path;

/// Reads the configuration of a machine from the file at `path`.
///
/// # Errors
/// One plain sentence when the file cannot be read, has another version, or is invalid.
pub fn read(path: &Path) -> Result<MachineConfig, String> {
    let text = std::fs::read(path)
        .map_err(|error| format!("The configuration {} cannot be read: {error}.", path.display()))?;
    parse(&text).map_err(|error| format!("The configuration {} {error}.", path.display()))
}

/// Parses a configuration. The version is checked first, because other versions may have other fields.
fn parse(text: &[u8]) -> Result<MachineConfig, String> {
    let not_valid = |error: serde_json::Error| format!("is not valid: {error}");
    let value: Value = serde_json::from_slice(text).map_err(not_valid)?;
    match value.get("version") {
        Some(version) if *version == CONFIG_VERSION => {}
        Some(version) => {
            return Err(format!(
                "has version {version}, and this oriel-vmm reads version {CONFIG_VERSION}; use the oriel-vmm of \
                 the same release as whatever wrote it"
            ));
        }
        None => return Err(format!("is not valid: it says no version, which is {CONFIG_VERSION} here")),
    }
    // The text is parsed again, because errors of `from_value` do not name the line.
    serde_json::from_slice(text).map_err(not_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_before_its_content_is_looked_at() {
        let refused = parse(br#"{"version":2,"colour":"red"}"#).unwrap_err();
        assert!(refused.contains("has version 2") && !refused.contains("colour"), "{refused}");
        for none in ["{}", r#"{"id":"d1"}"#, "[]", "7"] {
            assert!(parse(none.as_bytes()).unwrap_err().contains("says no version"));
        }
        for odd in [r#"{"version":"1"}"#, r#"{"version":1.5}"#, r#"{"version":-1}"#] {
            assert!(parse(odd.as_bytes()).unwrap_err().contains("has version"));
        }
    }

    #[test]
    fn within_the_version_what_is_unknown_is_refused_too() {
        let refused = parse(br#"{"version":1,"colour":"red"}"#).unwrap_err();
        assert!(refused.contains("colour") && refused.contains("line 1"), "{refused}");
    }
}
