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

/// How the bytes of a disk lie in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// Byte for byte.
    #[default]
    Raw,
    /// QEMU's copy-on-write format, version 2 or 3 (QEMU's `docs/interop/qcow2.rst`).
    Qcow2,
}

/// A file below a copy-on-write overlay; only ever read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The file.
    pub path: PathBuf,
    /// Its format. What a file's own header says of backing files is never followed.
    #[serde(default)]
    pub format: DiskFormat,
}

/// What a device may do in a second; `None` is without limit. Bursts of one second's worth pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Bytes per second, both directions together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Operations (disk requests, network frames) per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<u64>,
}

/// One disk; the first is the guest's /dev/vda.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// The file that is written to.
    pub path: PathBuf,
    /// Its format.
    #[serde(default)]
    pub format: DiskFormat,
    /// The files below it, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backing: Vec<Layer>,
    /// The guest may not write.
    #[serde(default)]
    pub read_only: bool,
    /// At most so much.
    #[serde(default)]
    pub limit: RateLimit,
}

/// Where a network interface leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "lowercase", deny_unknown_fields)]
pub enum Link {
    /// Through passt: the host's own connections, by a process without rights.
    Passt,
    /// A TAP interface that the administrator made (and usually put on a bridge).
    Tap {
        /// Its name on the host.
        name: String,
    },
    /// Nowhere: the interface is there and its cable is out.
    Isolated,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Six bytes in hexadecimal with colons; locally administered and not multicast.
    pub mac: String,
    /// Where it leads.
    pub link: Link,
    /// At most so much.
    #[serde(default)]
    pub limit: RateLimit,
}

/// Host pages behind the guest's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HugePages {
    /// Large ones where the host's kernel finds them (transparent huge pages).
    #[default]
    Advise,
    /// Small ones only: what a balloon gives back is given back exactly.
    Never,
    /// From the host's reserved 2 MiB pages (`vm.nr_hugepages`); refused where too few are free.
    Reserved,
}

/// One desktop's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineConfig {
    /// Version of this structure: [`crate::CONFIG_VERSION`]. Another one is refused.
    pub version: u32,
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
    /// Network interfaces in order.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// A sound card that plays and records.
    #[serde(default)]
    pub sound: bool,
    /// Ports for the guest's agents: `com.redhat.spice.0` and `org.qemu.guest_agent.0`.
    #[serde(default)]
    pub agents: bool,
    /// Host pages behind the guest's memory.
    #[serde(default)]
    pub huge_pages: HugePages,
    /// Let the host share equal pages with other guests (KSM). Off by default: sharing leaks, by
    /// timing, what a neighbour has in memory.
    #[serde(default)]
    pub share_pages: bool,
    /// Identifies this life of the guest (VMGenID): 32 hexadecimal digits, new after every restore
    /// or clone. Without one the process makes it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Refuse to run if any part of the jail cannot be had on this host.
    #[serde(default)]
    pub require_jail: bool,
    /// The most screens that a viewer may ask for, 1 to 4.
    #[serde(default = "default_screens")]
    pub screens: u8,
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
    /// Where the process writes why it ended, as [`crate::ExitReport`].
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
