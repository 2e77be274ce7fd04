//! What a guest says of itself, through its agent. Nothing of it is to be trusted: it is for people to read.

use serde::{Deserialize, Serialize};

/// A guest in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFacts {
    /// For example "Debian GNU/Linux 13 (trixie)".
    pub operating_system: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Its name in its network.
    pub host_name: Option<String>,
    /// Its network interfaces.
    pub interfaces: Vec<GuestInterface>,
    /// What it has mounted.
    pub file_systems: Vec<GuestFileSystem>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestInterface {
    /// For example `enp0s3`.
    pub name: String,
    /// Six bytes in hexadecimal with colons.
    pub mac: Option<String>,
    /// Addresses with their prefix length.
    pub addresses: Vec<String>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFileSystem {
    /// Where.
    pub mountpoint: String,
    /// For example `ext4`.
    pub kind: String,
    /// In use.
    pub used_bytes: Option<u64>,
    /// In all.
    pub total_bytes: Option<u64>,
}
