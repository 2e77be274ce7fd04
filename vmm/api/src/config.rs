//! Configuration of a machine: the JSON file of `oriel-vmm run --config machine.json`.
//!
//! The server writes the file and the supervisor reads it. All paths are absolute. Unknown fields
//! are errors: an ignored field could be a limit or a protection. `oriel-vmm` validates the values;
//! this module has the types only.

use crate::egress::EgressRules;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Monitor that runs the guest and emulates its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineKind {
    /// Oriel's own monitor on `/dev/kvm`.
    Kvm,
    /// QEMU as a child process of the machine's process.
    Qemu,
}

/// Accelerator of QEMU; Oriel's own monitor always uses KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// KVM: hardware virtualization.
    Kvm,
    /// TCG: emulation in software, 10 to 30 times slower than KVM.
    Tcg,
}

/// Kernel, initial RAM disk and command line with which the guest boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// Path of a Linux bzImage or of an ELF with a PVH note. Empty, on QEMU only: firmware boots the
    /// first disk.
    pub kernel: PathBuf,
    /// Path of the initial RAM disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<PathBuf>,
    /// Command line of the kernel.
    #[serde(default)]
    pub cmdline: String,
}

/// Format of a disk image file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// Raw: the file's bytes are the disk's bytes.
    #[default]
    Raw,
    /// QEMU's copy-on-write format, version 2 or 3 (QEMU's `docs/interop/qcow2.rst`).
    Qcow2,
}

/// Backing file of a copy-on-write overlay; never written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Path of the file.
    pub path: PathBuf,
    /// Format of the file. Names of backing files in the file's own header are ignored.
    #[serde(default)]
    pub format: DiskFormat,
}

/// Rate limit of a device; `None` is unlimited. Bursts up to the amount of one second pass at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Limit in bytes per second, for both directions together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Limit in operations (disk requests or network frames) per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<u64>,
}

/// Disk of the guest; the first disk of the list is `/dev/vda` in a Linux guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Path of the image file that receives the guest's writes.
    pub path: PathBuf,
    /// Format of the image file.
    #[serde(default)]
    pub format: DiskFormat,
    /// Backing files of the image file, topmost layer first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backing: Vec<Layer>,
    /// Whether the disk is read-only for the guest.
    #[serde(default)]
    pub read_only: bool,
    /// Rate limit of the disk.
    #[serde(default)]
    pub limit: RateLimit,
    /// Size of the disk in bytes, as the guest sees it, by which the size of the image file is limited; `None`
    /// sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Network backend of an interface (JSON field `to`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "lowercase", deny_unknown_fields)]
pub enum Link {
    /// passt: an unprivileged process that forwards the guest's connections from sockets of the host. A filter
    /// between guest and passt drops what no egress rule allows.
    Passt {
        /// Egress rules of the guest.
        #[serde(default)]
        egress: EgressRules,
    },
    /// TAP interface that the administrator created on the host, usually on a bridge.
    Tap {
        /// Name of the TAP interface on the host.
        name: String,
    },
    /// No backend: the guest has the interface, and its link is down.
    Isolated,
}

/// Network interface of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Hardware address: six bytes in hexadecimal with colons, locally administered and unicast.
    pub mac: String,
    /// Network backend of the interface.
    pub link: Link,
    /// Rate limit of the interface.
    #[serde(default)]
    pub limit: RateLimit,
}

/// Size of the host pages that back the guest's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HugePages {
    /// Transparent huge pages where the host's kernel has free ones (`MADV_HUGEPAGE`, madvise(2)).
    #[default]
    Advise,
    /// Pages of 4 KiB only: every page that the balloon returns is free on the host.
    Never,
    /// Reserved pages of 2 MiB (`vm.nr_hugepages`); the start fails when too few are free.
    Reserved,
}

/// Configuration of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfig {
    /// Version of the configuration; `oriel-vmm` accepts only [`crate::CONFIG_VERSION`].
    pub version: u32,
    /// Identifier of the desktop, for logs and [`crate::Description::id`].
    pub id: String,
    /// Monitor that runs the guest.
    pub machine: MachineKind,
    /// Accelerator of QEMU; ignored by [`MachineKind::Kvm`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accel: Option<Accel>,
    /// Number of virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory in MiB, at least 64.
    pub memory_mib: u32,
    /// Kernel, initial RAM disk and command line.
    pub boot: Boot,
    /// Disks of the guest, in order.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// Network interfaces of the guest, in order.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Whether the guest has a sound card (playback and capture).
    #[serde(default)]
    pub sound: bool,
    /// Whether the guest has serial ports for its agents: `com.redhat.spice.0` and
    /// `org.qemu.guest_agent.0`.
    #[serde(default)]
    pub agents: bool,
    /// Size of the host pages that back the guest's memory.
    #[serde(default)]
    pub huge_pages: HugePages,
    /// Whether the host may merge equal pages of this and other guests (KSM). Off by default: the
    /// timing of writes to merged pages reveals contents of another guest's memory.
    #[serde(default)]
    pub share_pages: bool,
    /// Generation identifier of the machine (VMGenID): 32 hexadecimal digits, different after every
    /// restore or clone. `None`: a random one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Whether the start fails when any part of the jail is not in force on this host.
    #[serde(default)]
    pub require_jail: bool,
    /// Seconds that the guest has for a shutdown after a SIGTERM to the machine's supervisor; the machine is
    /// stopped then. 0: it is stopped at once.
    #[serde(default)]
    pub stop_grace_s: u32,
    /// Largest number of screens that a viewer can request, 1 to 4.
    #[serde(default = "default_screens")]
    pub screens: u8,
    /// Initial width of the first screen in pixels.
    #[serde(default = "default_width")]
    pub width: u32,
    /// Initial height of the first screen in pixels.
    #[serde(default = "default_height")]
    pub height: u32,
    /// Path of the control socket, which is created with mode 0600. The folder must exist.
    pub socket: PathBuf,
    /// Path of the log of the guest's serial console; the log is bounded in size.
    pub serial_log: PathBuf,
    /// Path of the exit report, a [`crate::ExitReport`] that is written at the end of the machine.
    pub exit_report: PathBuf,
}

fn default_screens() -> u8 {
    1
}

fn default_width() -> u32 {
    1920
}

fn default_height() -> u32 {
    1080
}
