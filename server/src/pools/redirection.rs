//! What may cross between a desktop and the computer that shows it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which ways something may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TransferPolicy {
    /// Both.
    #[default]
    Both,
    /// From the user's computer to the desktop only.
    ToDesktop,
    /// From the desktop to the user's computer only.
    FromDesktop,
    /// Neither.
    Off,
}

impl TransferPolicy {
    /// As it is stored and typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::ToDesktop => "to-desktop",
            Self::FromDesktop => "from-desktop",
            Self::Off => "off",
        }
    }

    /// Whether it may go to the desktop.
    pub fn to_desktop(self) -> bool {
        matches!(self, Self::Both | Self::ToDesktop)
    }

    /// Whether it may come from the desktop.
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

/// What of a pool's desktops is shared with the computers that show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedirectionPolicy {
    /// What is copied, and pasted on the other side.
    pub clipboard: TransferPolicy,
    /// Files that are sent.
    pub files: TransferPolicy,
}
