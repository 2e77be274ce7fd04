//! Redirection policy: clipboard contents and files that may cross between a desktop and its client.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Directions in which contents may be transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TransferPolicy {
    /// Transfer in both directions.
    #[default]
    Both,
    /// Transfer to the desktop only.
    ToDesktop,
    /// Transfer from the desktop only.
    FromDesktop,
    /// Transfer in neither direction.
    Off,
}

impl TransferPolicy {
    /// Returns the policy's name in the database, on the command line and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::ToDesktop => "to-desktop",
            Self::FromDesktop => "from-desktop",
            Self::Off => "off",
        }
    }

    /// Returns whether the policy allows transfer to the desktop.
    pub fn to_desktop(self) -> bool {
        matches!(self, Self::Both | Self::ToDesktop)
    }

    /// Returns whether the policy allows transfer from the desktop.
    pub fn from_desktop(self) -> bool {
        matches!(self, Self::Both | Self::FromDesktop)
    }
}

impl fmt::Display for TransferPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for TransferPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Both, Self::ToDesktop, Self::FromDesktop, Self::Off];
        all.into_iter().find(|ways| ways.as_str() == text).ok_or_else(|| format!("{text} is no direction"))
    }
}

/// Redirection policy of a pool, for transfers between a desktop and the client's computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedirectionPolicy {
    /// Policy for clipboard contents.
    pub clipboard: TransferPolicy,
    /// Policy for files.
    pub files: TransferPolicy,
}

impl RedirectionPolicy {
    /// Policy that allows no redirection.
    pub const NOTHING: Self = Self { clipboard: TransferPolicy::Off, files: TransferPolicy::Off };
}
