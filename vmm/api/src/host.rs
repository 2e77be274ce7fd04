//! Facts of the host: the JSON object that `oriel-vmm probe` prints.
//!
//! The server runs the probe at its start and decides from the facts which machines the host can
//! run. `oriel-vmm` collects the facts in `vmm/src/host`; this module has the types only.

use crate::jail::Jail;
use serde::{Deserialize, Serialize};

/// Kind of KVM behind `/dev/kvm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvmFinding {
    /// KVM with hardware virtualization: any guest runs at native speed.
    Real,
    /// KVM without hardware virtualization: guest kernels are interpreted, and only code of the
    /// guest's user mode is fast.
    Interpreting,
    /// `/dev/kvm` exists, and this user has no permission to open it.
    Forbidden,
    /// `/dev/kvm` does not exist, does not open, or lacks features that machines need.
    Absent,
}

/// Facts of the host that matter to running machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Kind of KVM.
    pub kvm: KvmFinding,
    /// Kind of KVM and its consequence in one sentence for users.
    pub kvm_text: String,
    /// Version of `qemu-system-x86_64`; `None` when QEMU is not installed.
    pub qemu: Option<String>,
    /// Whether the installed QEMU has the D-Bus display (`-display dbus`).
    pub qemu_dbus_display: bool,
    /// Version of passt; `None` when passt is not installed, and desktops have no network by default.
    #[serde(default)]
    pub passt: Option<String>,
    /// Number of processors that this process may use.
    pub cpus: u32,
    /// Memory of the host in MiB.
    pub memory_mib: u64,
    /// Report on the jail that machines of this user get on this host.
    #[serde(default)]
    pub jail: Jail,
}
