//! The configuration that `oriel-vmm run --config machine.json` reads. Paths are absolute.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who runs the guest's instructions and devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineKind {
    /// Our own VMM on /dev/kvm.
    Kvm,
    /// QEMU as a child process.
    Qemu,
}

/// What QEMU executes guest code with; our own VMM always uses KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// Hardware virtualization.
    Kvm,
    /// QEMU's emulation: right, and 10 to 30 times slower.
    Tcg,
}

/// How the guest starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// A Linux bzImage or an ELF with a PVH note. For QEMU it may be empty: firmware then boots the first disk.
    pub kernel: PathBuf,
    /// Initial RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    #[serde(default)]
    pub cmdline: String,
}

/// One raw disk; the first is the guest's /dev/vda.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// The raw image file.
    pub path: PathBuf,
    /// The guest may not write.
    #[serde(default)]
    pub read_only: bool,
}

/// One desktop's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfig {
    /// The desktop's identifier, for logs and the process title.
    pub id: String,
    /// Ours or QEMU.
    pub machine: MachineKind,
    /// For QEMU only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accel: Option<Accel>,
    /// Virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory in MiB, at least 64.
    pub memory_mib: u32,
    /// Start-up.
    pub boot: Boot,
    /// Disks in order.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// The first screen's width in pixels.
    #[serde(default = "default_width")]
    pub width: u32,
    /// The first screen's height in pixels.
    #[serde(default = "default_height")]
    pub height: u32,
    /// The control socket to create (mode 0600; its folder must exist).
    pub socket: PathBuf,
    /// Where the guest's serial console is logged (bounded in size).
    pub serial_log: PathBuf,
    /// Where the process writes why it ended, as [`crate::LastWords`].
    pub last_words: PathBuf,
}

fn default_width() -> u32 {
    1920
}

fn default_height() -> u32 {
    1080
}
