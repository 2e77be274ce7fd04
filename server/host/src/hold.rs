//! Holds: the desktop, the disk and the epoch that a command names.
//!
//! A hold prevents two hosts from running one disk. Whoever moves a disk to another host increments its
//! epoch, and a host refuses commands of an older epoch than it has recorded. With one host, every epoch is
//! [`Epoch::FIRST`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// Maximum length of an identifier in bytes.
const LONGEST_ID: usize = 64;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks an identifier: 1 to 64 lower-case letters, digits and dashes, a valid folder name.
            ///
            /// # Errors
            /// [`BadId`] for any other text.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
                if (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(plain) {
                    Ok(Self(text))
                } else {
                    Err(BadId(text))
                }
            }

            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

/// Error for a text that is not a valid identifier of a desktop or a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an identifier, which has 1 to 64 lower-case letters, digits and dashes")]
pub struct BadId(String);

identifier! {
    /// Identifier of a desktop; never changes, and is the name of the desktop's folder. It is no credential.
    DesktopId
}

identifier! {
    /// Identifier of a desktop's root disk.
    DiskId
}

/// Epoch of a disk's claim: 1 for the first host, incremented with each move of the disk to another host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Epoch of a disk that has never moved between hosts.
    pub const FIRST: Self = Self(1);
}

/// Right to run a desktop on a disk, named by every command to a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Desktop that the command is for.
    pub desktop: DesktopId,
    /// Root disk of the desktop.
    pub disk: DiskId,
    /// Epoch in which the disk was claimed.
    pub epoch: Epoch,
}

impl Hold {
    /// Returns the first hold of a new desktop: the root disk has the desktop's identifier, in
    /// [`Epoch::FIRST`].
    pub fn first(desktop: DesktopId) -> Self {
        let disk = DiskId(desktop.0.clone());
        Self { desktop, disk, epoch: Epoch::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_name_folders_and_nothing_else() {
        for text in ["61982c35295f6afe6111247a01d1cf31", "d1", "a-b"] {
            assert_eq!(DesktopId::new(text).unwrap().as_str(), text);
        }
        for text in ["", ".", "..", "a/b", "A", "a b", "a\0", &"a".repeat(65)] {
            assert!(DesktopId::new(text).is_err(), "{text}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<DiskId>(&json).is_err(), "{text}");
        }
    }
}
