//! A desktop as the control plane resolved it from a user and a pool: what a host needs to run it, and no more.

use crate::images::ImageReference;
use crate::network::{EgressRules, NetworkSetting};
use serde::{Deserialize, Serialize};

/// Everything that a host needs to run a desktop. What changes takes effect at the desktop's next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesktopSpec {
    /// The image of which the desktop's disk is made at its first start.
    pub image: ImageReference,
    /// Virtual processors, 1 to 64.
    pub cpus: u8,
    /// Guest memory in MiB, at least 64.
    pub memory_mib: u32,
    /// Which machine may run the desktop.
    pub machine: MachinePreference,
    /// Where the desktop's network interface leads.
    #[serde(with = "text")]
    pub network: NetworkSetting,
    /// What the desktop may send to from a TAP interface.
    #[serde(with = "text")]
    pub egress: EgressRules,
    /// Limits of devices, processors and memory.
    pub limits: ResourceLimits,
    /// Whether the machine has a sound card.
    pub sound: bool,
    /// Whether the machine has ports for the guest's agents.
    pub agents: bool,
    /// The most screens that a viewer may ask for, 1 to 4.
    pub screens: u8,
    /// Width and height of the first screen in pixels.
    pub first_screen: (u32, u32),
    /// The guest's host name (RFC 1123).
    pub host_name: String,
    /// The guest's keyboard; `None`: as the image has it.
    pub keyboard: Option<Keyboard>,
    /// Whether the desktop may run only where every part of the jail can be had.
    pub require_jail: bool,
}

/// Which machine may run a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachinePreference {
    /// The fastest that the host can.
    Auto,
    /// Oriel's own machine, on KVM.
    Kvm,
    /// QEMU.
    Qemu,
}

/// What a desktop may take of the host. A limit that is `None` is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceLimits {
    /// MiB a second of the disk, read and written together.
    pub disk_mib_s: Option<u32>,
    /// Requests a second of the disk.
    pub disk_iops: Option<u32>,
    /// Mbit a second of the network, both directions together.
    pub network_mbit_s: Option<u32>,
    /// Processor time in percent of all the desktop's processors.
    pub cpu_percent: Option<u32>,
    /// MiB beyond the guest's memory; `None`: as much as the machine needs.
    pub memory_overhead_mib: Option<u32>,
}

/// A keyboard by XKB's names (xkeyboard-config(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyboard {
    /// The layout, such as `de`.
    pub layout: String,
    /// A variant of the layout, or empty.
    pub variant: String,
}

impl DesktopSpec {
    /// A desktop of an image with two processors, 2 GiB, all devices and no limits.
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

/// Values that are written as the text that their `Display` makes and their `FromStr` reads.
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
