//! Writing down a desktop's machine for `oriel-vmm`.

use super::admission::Admitted;
use super::base::{Base, OwnDisk};
use super::table::Record;
use crate::images::RunsAt;
use crate::network::NetworkSetting;
use crate::people::{PoolSettings, Settings};
use crate::state::DesktopDir;
use oriel_vmm_api::{
    Boot, CONFIG_VERSION, Disk, DiskFormat, HugePages, Layer, Link, MachineConfig, MachineKind, Network,
    RateLimit,
};
use sha2::{Digest, Sha256};

/// The machine of a desktop. `generation` identifies this life of its guest.
pub(super) fn machine_config(
    record: &Record,
    dir: &DesktopDir,
    base: &Base,
    admitted: &Admitted,
    settings: &Settings,
    generation: String,
) -> MachineConfig {
    let (image, pool, choice) = (&base.image, &record.pool.settings, &admitted.choice);
    let is_system = image.runs_at == RunsAt::Kernel;
    let mut cmdline = image.cmdline.clone();
    if is_system && image.kernel.is_some() {
        cmdline.push_str(&guest_words(record, settings));
    }
    MachineConfig {
        version: CONFIG_VERSION,
        id: record.id.clone(),
        machine: choice.machine,
        accel: (choice.machine == MachineKind::Qemu).then_some(choice.accel),
        cpus: pool.cpus,
        memory_mib: pool.memory_mib,
        boot: Boot {
            kernel: image.kernel.clone().unwrap_or_default(),
            initrd: image.initrd.clone(),
            cmdline,
        },
        disks: disk(base, pool).into_iter().collect(),
        networks: network(record, admitted).filter(|_| is_system).into_iter().collect(),
        sound: pool.sound,
        agents: pool.agents && is_system,
        huge_pages: HugePages::default(),
        share_pages: false,
        generation: Some(generation),
        require_jail: pool.require_jail,
        screens: pool.screens,
        width: 1920,
        height: 1080,
        socket: dir.socket(),
        serial_log: dir.serial_log(),
        exit_report: dir.exit_report(),
    }
}

fn disk(base: &Base, pool: &PoolSettings) -> Option<Disk> {
    let limit = RateLimit {
        bytes: pool.disk_mib_s.map(|mib| u64::from(mib) << 20),
        operations: pool.disk_iops.map(u64::from),
    };
    let below = base.image.disk.as_ref()?;
    match &base.disk {
        OwnDisk::Copy(path) => Some(Disk { path: path.clone(), limit, ..Disk::default() }),
        OwnDisk::Overlay(path) => Some(Disk {
            path: path.clone(),
            format: DiskFormat::Qcow2,
            backing: vec![Layer { path: below.path.clone(), format: below.format }],
            read_only: false,
            limit,
        }),
        OwnDisk::None | OwnDisk::New(_) => None,
    }
}

fn network(record: &Record, admitted: &Admitted) -> Option<Network> {
    let pool = &record.pool.settings;
    let link = match (&pool.network, &admitted.tap) {
        (NetworkSetting::Passt, _) => Link::Passt,
        (NetworkSetting::Isolated, _) => Link::Isolated,
        (NetworkSetting::Tap(_), name) => Link::Tap { name: name.clone()? },
    };
    let bytes = pool.network_mbit_s.map(|mbit| u64::from(mbit).saturating_mul(125_000));
    Some(Network { mac: mac(&record.id), link, limit: RateLimit { bytes, operations: None } })
}

/// The desktop's own address for life: locally administered and not multicast (IEEE 802, 8.2).
fn mac(id: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(format!("oriel mac {id}")).into();
    let [first, b, c, d, e, f, ..] = hash;
    let first = first & !1 | 2;
    format!("{first:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// What the guest is told about itself. A value is one plain word, or it is left out.
fn guest_words(record: &Record, settings: &Settings) -> String {
    let mut words = format!(" oriel.hostname={}", hostname(&record.pool.name, &record.person_name));
    if settings.check().is_ok() {
        words.push_str(&format!(" oriel.layout={}", settings.layout));
        if !settings.layout_variant.is_empty() {
            words.push_str(&format!(" oriel.variant={}", settings.layout_variant));
        }
    }
    words
}

/// A host name by RFC 1123: letters, digits and dashes, at most 63 of them, no dash at either end.
fn hostname(pool: &str, person: &str) -> String {
    let plain: String = format!("{pool}-{person}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(63)
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "desktop".into() } else { plain.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktops::{Choice, State};
    use crate::images::{Image, ImageDisk};
    use crate::people::Pool;
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

    fn config_for(base: &Base, pool: PoolSettings, tap: Option<&str>, settings: &Settings) -> MachineConfig {
        let record = Record {
            id: "d1".into(),
            person_id: "p1".into(),
            person_name: "ada.l".into(),
            pool: Pool { id: "q1".into(), name: "debian".into(), settings: pool },
            state: State::Stopped,
            reason: None,
            since: 0,
            pid: None,
        };
        let state = tempfile::tempdir().unwrap();
        let dir = crate::state::StateDir::open(state.path()).unwrap().desktop("d1");
        let choice = Choice { machine: MachineKind::Qemu, accel: Accel::Tcg, text: String::new() };
        let admitted = Admitted { choice, tap: tap.map(str::to_owned) };
        machine_config(&record, &dir, base, &admitted, settings, "0".repeat(32))
    }

    fn overlaid(runs_at: RunsAt) -> Base {
        Base { image: image(runs_at), disk: OwnDisk::Overlay("/desktops/d1/disk.qcow2".into()) }
    }

    fn pool() -> PoolSettings {
        PoolSettings::new("debian-xfce".into())
    }

    #[test]
    fn a_guest_with_a_kernel_is_told_its_keyboard_and_name() {
        let settings =
            Settings { layout: "de".into(), layout_variant: "nodeadkeys".into(), ..Settings::default() };
        let config = config_for(&overlaid(RunsAt::Kernel), pool(), None, &settings);
        assert_eq!(
            config.boot.cmdline,
            "quiet oriel.hostname=debian-ada-l oriel.layout=de oriel.variant=nodeadkeys"
        );
        assert_eq!(config.accel, Some(Accel::Tcg));
    }

    #[test]
    fn a_bad_layout_never_reaches_the_command_line() {
        let settings = Settings { layout: "de init=/bin/sh".into(), ..Settings::default() };
        let config = config_for(&overlaid(RunsAt::Kernel), pool(), None, &settings);
        assert_eq!(config.boot.cmdline, "quiet oriel.hostname=debian-ada-l");
    }

    #[test]
    fn a_disk_is_a_layer_over_the_image_s_or_the_copy_that_an_old_desktop_has() {
        let config = config_for(&overlaid(RunsAt::Kernel), pool(), None, &Settings::default());
        assert_eq!(
            (config.disks[0].path.as_path(), config.disks[0].format),
            (Path::new("/desktops/d1/disk.qcow2"), DiskFormat::Qcow2)
        );
        assert_eq!(config.disks[0].backing, [Layer { path: "/blobs/disk".into(), format: DiskFormat::Raw }]);
        let copied =
            Base { disk: OwnDisk::Copy("/desktops/d1/image/disk.raw".into()), ..overlaid(RunsAt::Kernel) };
        let config = config_for(&copied, pool(), None, &Settings::default());
        assert_eq!((config.disks[0].format, config.disks[0].backing.len()), (DiskFormat::Raw, 0));
    }

    #[test]
    fn limits_reach_the_devices_in_their_units() {
        let limited =
            PoolSettings { disk_mib_s: Some(3), disk_iops: Some(500), network_mbit_s: Some(8), ..pool() };
        let config = config_for(&overlaid(RunsAt::Kernel), limited, None, &Settings::default());
        assert_eq!(config.disks[0].limit, RateLimit { bytes: Some(3 << 20), operations: Some(500) });
        assert_eq!(config.networks[0].limit, RateLimit { bytes: Some(1_000_000), operations: None });
        let free = config_for(&overlaid(RunsAt::Kernel), pool(), None, &Settings::default());
        assert_eq!(free.disks[0].limit, RateLimit::default());
    }

    #[test]
    fn the_network_is_the_pool_s_and_the_address_the_desktop_s_own() {
        for (setting, tap, link) in [
            ("passt", None, Link::Passt),
            ("isolated", None, Link::Isolated),
            ("tap:desk*", Some("desk3"), Link::Tap { name: "desk3".into() }),
        ] {
            let pool = PoolSettings { network: setting.parse().unwrap(), ..pool() };
            let config = config_for(&overlaid(RunsAt::Kernel), pool, tap, &Settings::default());
            assert_eq!(config.networks, [Network { mac: mac("d1"), link, limit: RateLimit::default() }]);
        }
        for id in ["d1", "d2", "d3", "d4", "d5"] {
            let first = u8::from_str_radix(&mac(id)[..2], 16).unwrap();
            assert_eq!(first & 3, 2, "{id}");
            assert_eq!(mac(id), mac(id));
        }
        assert_ne!(mac("d1"), mac("d2"));
    }

    #[test]
    fn a_guest_without_a_system_gets_its_own_words_and_no_devices_that_it_cannot_drive() {
        let config = config_for(&overlaid(RunsAt::User), pool(), None, &Settings::default());
        assert_eq!(config.boot.cmdline, "quiet");
        assert!(config.networks.is_empty() && !config.agents);
        let config = config_for(&overlaid(RunsAt::Kernel), pool(), None, &Settings::default());
        assert!(config.sound && config.agents && config.screens == 4);
    }

    #[test]
    fn host_names_are_host_names() {
        assert_eq!(hostname("a", "B_c"), "a-b-c");
        assert_eq!(hostname("-", "-"), "desktop");
        assert_eq!(hostname(&"a".repeat(80), "b").len(), 63);
    }
}
