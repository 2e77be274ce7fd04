//! Specification of a desktop: everything a host needs to run it, resolved by the control plane from a user
//! and a pool.
//!
//! The module holds plain data. Names of users and pools are not part of a specification.

use crate::images::ImageReference;
use crate::network::{EgressRules, NetworkSetting};
use serde::{Deserialize, Serialize};

/// Specification of a desktop, recorded by the host. A change takes effect at the desktop's next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesktopSpec {
    /// Image from which the root disk is made at the desktop's first start.
    pub image: ImageReference,
    /// Number of virtual processors, 1 to 64.
    pub cpus: u8,
    /// Size of the guest's memory in MiB, at least 64.
    pub memory_mib: u32,
    /// Kind of machine that may run the desktop.
    pub machine: MachinePreference,
    /// Backend of the desktop's network interface.
    #[serde(with = "text")]
    pub network: NetworkSetting,
    /// Egress rules: the machine enforces them before passt, nftables on a TAP interface.
    #[serde(with = "text")]
    pub egress: EgressRules,
    /// Limits on the desktop's use of the host's disk, network, processors and memory.
    pub limits: ResourceLimits,
    /// Gives the machine a sound card.
    pub sound: bool,
    /// Gives the machine the ports of spice-vdagent and qemu-guest-agent.
    pub agents: bool,
    /// Maximum number of screens that a viewer may request, 1 to 4.
    pub screens: u8,
    /// Width and height of the first screen in pixels, until a viewer requests another size.
    pub first_screen: (u32, u32),
    /// Host name of the guest (RFC 1123).
    pub host_name: String,
    /// Keyboard layout of the guest; `None` keeps the image's layout.
    pub keyboard: Option<Keyboard>,
    /// Refuses to start where the host cannot provide every part of the jail.
    pub require_jail: bool,
}

/// Preference for the kind of machine that runs a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachinePreference {
    /// Fastest machine that the host offers for the image.
    Auto,
    /// Oriel's own machine on KVM; a host without KVM refuses the start.
    Kvm,
    /// QEMU, with KVM if guests run natively on the host's KVM, otherwise by emulation (TCG).
    Qemu,
}

/// Limits on a desktop's use of its host; a field that is `None` sets no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceLimits {
    /// Disk throughput in MiB per second, reads and writes together.
    pub disk_mib_s: Option<u32>,
    /// Disk requests per second, reads and writes together.
    pub disk_iops: Option<u32>,
    /// Network throughput in Mbit per second, both directions together.
    pub network_mbit_s: Option<u32>,
    /// Processor time in percent of all the desktop's virtual processors, 1 to 100.
    pub cpu_percent: Option<u32>,
    /// Host memory in MiB beyond the guest's memory; `None` takes the default for the machine.
    pub memory_overhead_mib: Option<u32>,
}

/// Keyboard layout by its names in XKB (xkeyboard-config(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyboard {
    /// Name of the layout, such as `de`.
    pub layout: String,
    /// Name of the layout's variant, such as `nodeadkeys`, or empty.
    pub variant: String,
}

impl DesktopSpec {
    /// Returns the default specification for an image: two processors, 2 GiB of memory, all devices, no
    /// limits.
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            image: ImageReference { name: image.into(), version: None },
            cpus: 2,
            memory_mib: 2048,
            machine: MachinePreference::Auto,
            network: NetworkSetting::default(),
            egress: EgressRules::default(),
            limits: ResourceLimits::default(),
            sound: true,
            agents: true,
            screens: 4,
            first_screen: (1920, 1080),
            host_name: "desktop".into(),
            keyboard: None,
            require_jail: false,
        }
    }
}

/// Serde helpers for values that are written by `Display` and read by `FromStr`.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
