//! Which desktop an order is for, with which disk, and under which claim.
//!
//! A hold is what keeps two hosts from running one disk: whoever takes a disk over counts its epoch up, and orders of an
//! older epoch are refused from then on. With one host every epoch is [`Epoch::FIRST`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// The most characters of an identifier.
const LONGEST_ID: usize = 64;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// An identifier of 1 to 64 lower-case letters, digits and dashes, so that it can name a folder.
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

            /// The identifier as text.
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

/// A text that is no identifier of a desktop or a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no identifier: 1 to 64 lower-case letters, digits and dashes are")]
pub struct BadId(String);

identifier! {
    /// A desktop's identifier, which never changes and names its folder. No credential.
    DesktopId
}

identifier! {
    /// Identifier of a desktop's root disk.
    DiskId
}

/// How often a disk has changed hosts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a disk that no other host ever had.
    pub const FIRST: Self = Self(1);
}

/// The claim under which an order is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The desktop that the order is for.
    pub desktop: DesktopId,
    /// The disk that the desktop runs on.
    pub disk: DiskId,
    /// The epoch in which the disk was claimed.
    pub epoch: Epoch,
}

impl Hold {
    /// The hold of a desktop that has one disk, of its own, and never moved: the disk has the desktop's identifier.
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
