//! Facts of the guest, as reported by qemu-guest-agent.
//!
//! The guest can report anything: the facts are for display to users, and no decision may depend
//! on them. The machine bounds their length and removes control characters (`vmm/agents/src/qga`).

use serde::{Deserialize, Serialize};

/// Facts of a guest, as reported by its qemu-guest-agent. A fact that the agent does not support is
/// `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFacts {
    /// Name of the operating system, such as "Debian GNU/Linux 13 (trixie)".
    pub operating_system: Option<String>,
    /// Release of the kernel, such as "6.12.41+deb13-amd64".
    pub kernel: Option<String>,
    /// Host name of the guest.
    pub host_name: Option<String>,
    /// Network interfaces of the guest.
    pub interfaces: Vec<GuestInterface>,
    /// Mounted file systems of the guest.
    pub file_systems: Vec<GuestFileSystem>,
}

/// Network interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestInterface {
    /// Name of the interface, such as `enp0s3`.
    pub name: String,
    /// Hardware address: six bytes in hexadecimal with colons.
    pub mac: Option<String>,
    /// IP addresses with prefix length, such as `10.0.2.15/24`.
    pub addresses: Vec<String>,
}

/// Mounted file system of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFileSystem {
    /// Path of the mount point.
    pub mountpoint: String,
    /// Type of the file system, such as `ext4`.
    pub kind: String,
    /// Used space in bytes.
    pub used_bytes: Option<u64>,
    /// Size of the file system in bytes.
    pub total_bytes: Option<u64>,
}
