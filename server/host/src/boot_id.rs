//! Boot of the host: tells a machine that ended alone from one that ended with the host.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// File in which Linux reports the present boot (proc_sys_kernel(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Identifier of one boot of the host, a UUID that the kernel draws when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BootId(String);

impl BootId {
    /// Reads the identifier of the present boot.
    ///
    /// # Errors
    /// The kernel's file cannot be read.
    pub(crate) fn current() -> io::Result<Self> {
        Ok(Self(fs::read_to_string(BOOT_ID)?.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_keeps_its_identifier() {
        let id = BootId::current().unwrap();
        assert_eq!(id, BootId::current().unwrap());
        assert_eq!(id.0.len(), 36);
    }
}
