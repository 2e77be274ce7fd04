//! Versions of the control messages and of the configuration, and their negotiation.
//!
//! The handshake ([`crate::Open`], [`crate::Opened`]) carries a [`VersionRange`] from each side. When
//! a version has to grow is described in `docs/control-api.md`, section "Versions".

use serde::{Deserialize, Serialize};
use std::fmt;

/// Newest version of the control messages in this crate.
pub const CONTROL_VERSION: u32 = 1;

/// Version of [`crate::MachineConfig`] in this crate.
pub const CONFIG_VERSION: u32 = 1;

/// Inclusive range of versions of the control messages that one end of a connection supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// Newest supported version.
    pub newest: u32,
    /// Oldest supported version.
    pub oldest: u32,
}

impl VersionRange {
    /// Range of versions that this crate supports.
    pub const SUPPORTED: Self = Self { newest: CONTROL_VERSION, oldest: CONTROL_VERSION };

    /// Returns the newest version in both ranges; `None` when the ranges do not overlap.
    pub fn negotiate(self, peer: Self) -> Option<u32> {
        let newest = self.newest.min(peer.newest);
        (newest >= self.oldest.max(peer.oldest)).then_some(newest)
    }

    /// Returns whether `version` is in the range.
    pub fn contains(self, version: u32) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "version {}", self.newest)
        } else {
            write!(f, "versions {} to {}", self.oldest, self.newest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(oldest: u32, newest: u32) -> VersionRange {
        VersionRange { newest, oldest }
    }

    #[test]
    fn the_newest_common_version_is_chosen() {
        assert_eq!(range(1, 2).negotiate(range(1, 1)), Some(1));
        assert_eq!(range(1, 1).negotiate(range(1, 2)), Some(1));
        assert_eq!(range(2, 4).negotiate(range(1, 3)), Some(3));
        assert_eq!(range(2, 3).negotiate(range(1, 1)), None);
        assert_eq!(range(1, 1).negotiate(range(2, 3)), None);
    }

    #[test]
    fn a_range_upside_down_meets_nothing() {
        assert_eq!(range(3, 1).negotiate(range(1, 3)), None);
        assert_eq!(range(1, 3).negotiate(range(3, 1)), None);
    }

    #[test]
    fn a_range_reads_as_words() {
        assert_eq!(range(1, 1).to_string(), "version 1");
        assert_eq!(range(1, 3).to_string(), "versions 1 to 3");
    }
}
