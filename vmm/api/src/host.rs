//! What `oriel-vmm probe` prints as one JSON object.

use crate::jail::Jail;
use serde::{Deserialize, Serialize};

/// What stands behind /dev/kvm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvmFinding {
    /// Hardware virtualization: any guest at native speed.
    Real,
    /// KVM opens, but guest kernels are interpreted: only guests that live in user mode are fast.
    Interpreting,
    /// The device is there and may not be opened.
    Forbidden,
    /// No /dev/kvm.
    Absent,
}

/// The host, as far as running machines goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// KVM.
    pub kvm: KvmFinding,
    /// One plain sentence for people: what was found and what follows.
    pub kvm_text: String,
    /// `qemu-system-x86_64 --version`'s number, if there is one.
    pub qemu: Option<String>,
    /// Whether that QEMU has the D-Bus display.
    pub qemu_dbus_display: bool,
    /// The version of passt, if there is one: without it desktops have no network by default.
    #[serde(default)]
    pub passt: Option<String>,
    /// Processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The jail that this user's machines get here, part by part.
    #[serde(default)]
    pub jail: Jail,
}
