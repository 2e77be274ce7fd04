//! Configuration of a desktop's machine for `oriel-vmm run`, derived from the specification, the image and
//! admission.

use crate::admission::Admitted;
use crate::folder::DesktopDir;
use crate::hold::DesktopId;
use crate::images::{DesktopImage, RootDisk, RunsAt};
use crate::network::NetworkSetting;
use crate::spec::DesktopSpec;
use oriel_vmm_api::{
    Boot, CONFIG_VERSION, Disk, DiskFormat, HugePages, Layer, Link, MachineConfig, MachineKind, Network,
    RateLimit,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Makes the configuration of a desktop's machine. `generation` is the generation identifier of the root disk
/// (VMGenID), and `stop_grace` the time that the guest has for a shutdown. A guest in user mode gets no network and no agent ports.
pub(super) fn machine_config(
    id: &DesktopId,
    spec: &DesktopSpec,
    dir: &DesktopDir,
    base: &DesktopImage,
    admitted: &Admitted,
    generation: String,
    stop_grace: Duration,
) -> MachineConfig {
    let (image, choice) = (&base.image, &admitted.choice);
    let is_system = image.runs_at == RunsAt::Kernel;
    let mut cmdline = image.cmdline.clone();
    if is_system && image.kernel.is_some() {
        cmdline.push_str(&kernel_parameters(spec));
    }
    MachineConfig {
        version: CONFIG_VERSION,
        id: id.to_string(),
        machine: choice.machine,
        accel: (choice.machine == MachineKind::Qemu).then_some(choice.accel),
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        boot: Boot {
            kernel: image.kernel.clone().unwrap_or_default(),
            initrd: image.initrd.clone(),
            cmdline,
        },
        disks: disk(base, spec).into_iter().collect(),
        networks: network(id, spec, admitted).filter(|_| is_system).into_iter().collect(),
        sound: spec.sound,
        agents: spec.agents && is_system,
        huge_pages: HugePages::default(),
        share_pages: false,
        generation: Some(generation),
        require_jail: spec.require_jail,
        stop_grace_s: u32::try_from(stop_grace.as_secs()).unwrap_or(u32::MAX),
        screens: spec.screens,
        width: spec.first_screen.0,
        height: spec.first_screen.1,
        socket: dir.socket(),
        serial_log: dir.serial_log(),
        exit_report: dir.exit_report(),
    }
}

/// Returns the configuration of the root disk; `None` if the image has no disk.
fn disk(base: &DesktopImage, spec: &DesktopSpec) -> Option<Disk> {
    let limit = RateLimit {
        bytes: spec.limits.disk_mib_s.map(|mib| u64::from(mib) << 20),
        operations: spec.limits.disk_iops.map(u64::from),
    };
    let below = base.image.disk.as_ref()?;
    match &base.disk {
        RootDisk::Copy(path) => {
            let size = std::fs::metadata(path).ok().map(|facts| facts.len());
            Some(Disk { path: path.clone(), limit, size, ..Disk::default() })
        }
        RootDisk::Overlay(path) => Some(Disk {
            path: path.clone(),
            format: DiskFormat::Qcow2,
            backing: vec![Layer { path: below.path.clone(), format: below.format }],
            read_only: false,
            limit,
            size: Some(below.virtual_size),
        }),
        RootDisk::None | RootDisk::New(_) => None,
    }
}

/// Returns the configuration of the network interface; `None` if a TAP backend has no interface.
fn network(id: &DesktopId, spec: &DesktopSpec, admitted: &Admitted) -> Option<Network> {
    let link = match (&spec.network, &admitted.tap) {
        (NetworkSetting::Passt, _) => Link::Passt { egress: spec.egress.clone() },
        (NetworkSetting::Isolated, _) => Link::Isolated,
        (NetworkSetting::Tap(_), name) => Link::Tap { name: name.clone()? },
    };
    let bytes = spec.limits.network_mbit_s.map(|mbit| u64::from(mbit).saturating_mul(125_000));
    Some(Network { mac: mac(id), link, limit: RateLimit { bytes, operations: None } })
}

/// Derives the desktop's permanent MAC address from its identifier: locally administered and unicast (IEEE
/// 802, 8.2).
fn mac(id: &DesktopId) -> String {
    let hash: [u8; 32] = Sha256::digest(format!("oriel mac {id}")).into();
    let [first, b, c, d, e, f, ..] = hash;
    let first = first & !1 | 2;
    format!("{first:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// Returns the parameters `oriel.hostname`, `oriel.layout` and `oriel.variant` for the guest's kernel command
/// line. A value that is not one plain word is left out.
fn kernel_parameters(spec: &DesktopSpec) -> String {
    let mut parameters = String::new();
    let mut add = |key: &str, value: &str| {
        if is_plain(value) {
            parameters.push_str(&format!(" oriel.{key}={value}"));
        }
    };
    add("hostname", &spec.host_name);
    if let Some(keyboard) = &spec.keyboard
        && is_plain(&keyboard.layout)
    {
        add("layout", &keyboard.layout);
        add("variant", &keyboard.variant);
    }
    parameters
}

/// Returns whether a value is one word of 1 to 63 safe characters on a kernel command line.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=63).contains(&value.len()) && value.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::MachineChoice;
    use crate::folder::HostDir;
    use crate::images::{Image, ImageDisk};
    use crate::spec::{Keyboard, ResourceLimits};
    use oriel_vmm_api::Accel;
    use std::path::Path;

    fn image(runs_at: RunsAt) -> Image {
        Image {
            name: "debian-xfce".into(),
            kernel: Some("/blobs/kernel".into()),
            initrd: None,
            cmdline: "quiet".into(),
            min_memory_mib: 0,
            runs_at,
            disk: Some(ImageDisk {
                path: "/blobs/disk".into(),
                format: DiskFormat::Raw,
                virtual_size: 6 << 30,
            }),
        }
    }

    fn config_for(base: &DesktopImage, spec: &DesktopSpec, tap: Option<&str>) -> MachineConfig {
        let state = tempfile::tempdir().unwrap();
        let id = id("d1");
        let dir = HostDir::open(state.path()).unwrap().desktop(&id);
        let choice = MachineChoice { machine: MachineKind::Qemu, accel: Accel::Tcg, text: String::new() };
        let admitted = Admitted { choice, tap: tap.map(str::to_owned) };
        machine_config(&id, spec, &dir, base, &admitted, "0".repeat(32), Duration::from_secs(7))
    }

    fn id(text: &str) -> DesktopId {
        DesktopId::new(text).unwrap()
    }

    fn overlaid(runs_at: RunsAt) -> DesktopImage {
        DesktopImage { image: image(runs_at), disk: RootDisk::Overlay("/desktops/d1/disk.qcow2".into()) }
    }

    fn spec() -> DesktopSpec {
        DesktopSpec { host_name: "debian-ada-l".into(), ..DesktopSpec::new("debian-xfce") }
    }

    fn keyboard(layout: &str, variant: &str) -> DesktopSpec {
        DesktopSpec { keyboard: Some(Keyboard { layout: layout.into(), variant: variant.into() }), ..spec() }
    }

    #[test]
    fn a_guest_with_a_kernel_is_told_its_keyboard_and_name() {
        let config = config_for(&overlaid(RunsAt::Kernel), &keyboard("de", "nodeadkeys"), None);
        assert_eq!(
            config.boot.cmdline,
            "quiet oriel.hostname=debian-ada-l oriel.layout=de oriel.variant=nodeadkeys"
        );
        assert_eq!(config.accel, Some(Accel::Tcg));
    }

    #[test]
    fn a_bad_word_never_reaches_the_command_line() {
        for spec in [keyboard("de init=/bin/sh", "x"), keyboard("", ""), spec()] {
            let config = config_for(&overlaid(RunsAt::Kernel), &spec, None);
            assert_eq!(config.boot.cmdline, "quiet oriel.hostname=debian-ada-l");
        }
        let config = config_for(&overlaid(RunsAt::Kernel), &keyboard("de", "a b"), None);
        assert_eq!(config.boot.cmdline, "quiet oriel.hostname=debian-ada-l oriel.layout=de");
        let named = DesktopSpec { host_name: "a init=/bin/sh".into(), ..spec() };
        assert_eq!(config_for(&overlaid(RunsAt::Kernel), &named, None).boot.cmdline, "quiet");
    }

    #[test]
    fn a_disk_is_an_overlay_of_the_image_s_or_the_copy_that_an_old_desktop_has() {
        let config = config_for(&overlaid(RunsAt::Kernel), &spec(), None);
        assert_eq!(
            (config.disks[0].path.as_path(), config.disks[0].format),
            (Path::new("/desktops/d1/disk.qcow2"), DiskFormat::Qcow2)
        );
        assert_eq!(config.disks[0].backing, [Layer { path: "/blobs/disk".into(), format: DiskFormat::Raw }]);
        let copied = DesktopImage {
            disk: RootDisk::Copy("/desktops/d1/image/disk.raw".into()),
            ..overlaid(RunsAt::Kernel)
        };
        let config = config_for(&copied, &spec(), None);
        assert_eq!((config.disks[0].format, config.disks[0].backing.len()), (DiskFormat::Raw, 0));
    }

    #[test]
    fn limits_reach_the_devices_in_their_units() {
        let limits = ResourceLimits {
            disk_mib_s: Some(3),
            disk_iops: Some(500),
            network_mbit_s: Some(8),
            ..ResourceLimits::default()
        };
        let config = config_for(&overlaid(RunsAt::Kernel), &DesktopSpec { limits, ..spec() }, None);
        assert_eq!(config.disks[0].limit, RateLimit { bytes: Some(3 << 20), operations: Some(500) });
        assert_eq!(config.networks[0].limit, RateLimit { bytes: Some(1_000_000), operations: None });
        let free = config_for(&overlaid(RunsAt::Kernel), &spec(), None);
        assert_eq!(free.disks[0].limit, RateLimit::default());
    }

    #[test]
    fn the_network_is_the_one_specified_and_the_address_the_desktop_s_own() {
        for (setting, tap, link) in [
            ("passt", None, Link::Passt { egress: "internet dns".parse().unwrap() }),
            ("isolated", None, Link::Isolated),
            ("tap:desk*", Some("desk3"), Link::Tap { name: "desk3".into() }),
        ] {
            let spec = DesktopSpec { network: setting.parse().unwrap(), ..spec() };
            let config = config_for(&overlaid(RunsAt::Kernel), &spec, tap);
            assert_eq!(config.networks, [Network { mac: mac(&id("d1")), link, limit: RateLimit::default() }]);
        }
        for text in ["d1", "d2", "d3", "d4", "d5"] {
            let first = u8::from_str_radix(&mac(&id(text))[..2], 16).unwrap();
            assert_eq!(first & 3, 2, "{text}");
            assert_eq!(mac(&id(text)), mac(&id(text)));
        }
        assert_ne!(mac(&id("d1")), mac(&id("d2")));
    }

    #[test]
    fn a_guest_without_a_system_gets_its_own_words_and_no_devices_that_it_cannot_drive() {
        let config = config_for(&overlaid(RunsAt::User), &spec(), None);
        assert_eq!(config.boot.cmdline, "quiet");
        assert!(config.networks.is_empty() && !config.agents);
        let config = config_for(&overlaid(RunsAt::Kernel), &spec(), None);
        assert!(config.sound && config.agents && config.screens == 4);
    }
}
