//! QEMU's command line (qemu(1)), built from a machine's configuration.

use crate::disks;
use crate::network::{self, Netdev};
use crate::ports::port_id;
use crate::resources::QemuSetup;
use oriel_vmm_api::{Accel, HugePages, MachineConfig};
use serde_json::json;
use std::ffi::OsString;
use std::os::fd::RawFd;

/// Numbers of the file descriptors that QEMU inherits and its command line names.
pub(crate) struct InheritedFds {
    /// Socket of the QMP monitor.
    pub qmp: RawFd,
    /// Socket of the guest's serial line.
    pub serial: RawFd,
    /// Image files of each disk, the uppermost layer first.
    pub disks: Vec<Vec<RawFd>>,
    /// Backend of each network interface, in the order of the configuration.
    pub networks: Vec<Netdev>,
    /// Sockets of the guest's virtio-serial ports, with the port names.
    pub ports: Vec<(&'static str, RawFd)>,
}

/// Builds QEMU's arguments for `config` (qemu(1)); the virtual processors start stopped (`-S`).
///
/// Options with a path are written as JSON, where a comma is no separator.
pub(crate) fn arguments(
    config: &MachineConfig,
    setup: &QemuSetup,
    inherited: &InheritedFds,
) -> Vec<OsString> {
    let mut arguments = Arguments(Vec::new());
    arguments.option("-name", format!("guest={},debug-threads=on", config.id.replace(',', ",,")));
    arguments.flag("-no-user-config").flag("-nodefaults").flag("-S");
    arguments.option("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    arguments.option("-machine", machine(config));
    match setup.accel {
        Accel::Kvm => arguments.option("-accel", "kvm"),
        Accel::Tcg => arguments.option("-accel", "tcg,thread=multi"),
    };
    arguments.option("-cpu", &setup.cpu_model);
    arguments.option("-smp", format!("cpus={}", config.cpus));
    memory(config, &mut arguments);
    boot(config, setup, &mut arguments);
    if config.sound {
        // QEMU mixes and resamples to this format, whatever format the guest's card plays.
        let format = |way| format!("{way}.frequency=48000,{way}.channels=2,{way}.format=s16");
        arguments.option("-audiodev", format!("dbus,id=sound,{},{}", format("out"), format("in")));
        arguments.option("-display", "dbus,p2p=yes,audiodev=sound");
    } else {
        arguments.option("-display", "dbus,p2p=yes");
    }
    arguments.option("-chardev", format!("socket,id=qmp,fd={}", inherited.qmp));
    arguments.option("-mon", "chardev=qmp,mode=control");
    arguments.option("-chardev", format!("socket,id=serial,fd={}", inherited.serial));
    arguments.option("-serial", "chardev:serial");
    networks(config, &inherited.networks, &mut arguments);
    devices(config, setup, &inherited.disks, &mut arguments);
    ports(&inherited.ports, &mut arguments);
    arguments.0
}

/// Builder of a list of command-line arguments.
struct Arguments(Vec<OsString>);

impl Arguments {
    /// Appends an option without a value.
    fn flag(&mut self, flag: &str) -> &mut Self {
        self.0.push(flag.into());
        self
    }

    /// Appends an option and its value.
    fn option(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.0.extend([name.into(), value.into()]);
        self
    }

    /// Appends `-device` with properties in JSON.
    fn device(&mut self, value: &serde_json::Value) {
        self.option("-device", value.to_string());
    }
}

/// Returns the value of `-machine`. Pages are merged (KSM) only where the configuration shares pages; QEMU's
/// default is to merge.
fn machine(config: &MachineConfig) -> String {
    let merge = if config.share_pages { "on" } else { "off" };
    let backend = match config.huge_pages {
        HugePages::Reserved => ",memory-backend=ram",
        HugePages::Advise | HugePages::Never => "",
    };
    format!("q35,vmport=off,dump-guest-core=off,mem-merge={merge}{backend}")
}

/// Appends the options of guest memory. [`HugePages::Never`] is a property of the process, see
/// [`crate::process::forbid_huge_pages`].
fn memory(config: &MachineConfig, arguments: &mut Arguments) {
    arguments.option("-m", format!("size={}M", config.memory_mib));
    if config.huge_pages == HugePages::Reserved {
        let ram = json!({
            "qom-type": "memory-backend-memfd",
            "id": "ram",
            "size": u64::from(config.memory_mib) << 20,
            "hugetlb": true,
            "hugetlbsize": 2 << 20,
            "share": false,
            "dump": false,
        });
        arguments.option("-object", ram.to_string());
    }
}

/// Appends the options of a directly started kernel; without a kernel, firmware boots the first disk.
fn boot(config: &MachineConfig, setup: &QemuSetup, arguments: &mut Arguments) {
    let Some(kernel) = &setup.kernel else { return };
    arguments.option("-kernel", kernel);
    if let Some(initrd) = &setup.initrd {
        arguments.option("-initrd", initrd);
    }
    arguments.option("-append", &config.boot.cmdline);
}

/// Appends the options of the graphics, disk, input, balloon, panic and sound devices.
fn devices(config: &MachineConfig, setup: &QemuSetup, images: &[Vec<RawFd>], arguments: &mut Arguments) {
    // Firmware draws on VGA only; a kernel that is started directly never needs it.
    let gpu = if setup.kernel.is_some() { "virtio-gpu-pci" } else { "virtio-vga" };
    let (xres, yres, outputs) = (config.width, config.height, config.screens);
    arguments
        .device(&json!({"driver": gpu, "id": "gpu", "max_outputs": outputs, "xres": xres, "yres": yres}));
    for (index, (disk, images)) in config.disks.iter().zip(images).enumerate() {
        let nodes = disks::nodes(index, disk, images);
        for set in nodes.fd_sets {
            arguments.option("-add-fd", set);
        }
        if let Some(group) = nodes.throttle_group {
            arguments.option("-object", group.to_string());
        }
        for blockdev in nodes.blockdevs {
            arguments.option("-blockdev", blockdev.to_string());
        }
        arguments.device(&json!({"driver": "virtio-blk-pci", "drive": nodes.name, "werror": "enospc"}));
    }
    // QEMU sends buttons to the pointer whose guest driver started last, and drivers start in the order of
    // the bus. The tablet is last, so that clicks come from the device with the absolute position.
    for input in ["virtio-keyboard-pci", "virtio-mouse-pci", "virtio-tablet-pci"] {
        arguments.device(&json!({"driver": input}));
    }
    arguments.device(&json!({"driver": "virtio-rng-pci"}));
    // Reserved pages are not reported free: the host could not be sure to get them back for the guest.
    let reporting = config.huge_pages != HugePages::Reserved;
    arguments.device(&json!({
        "driver": "virtio-balloon-pci",
        "deflate-on-oom": true,
        "free-page-reporting": reporting,
    }));
    arguments.device(&json!({"driver": "vmgenid", "guid": guid(config.generation.as_deref())}));
    arguments.device(&json!({"driver": "pvpanic-pci"}));
    if config.sound {
        // Every guest system has a driver for HD Audio. A codec without a mixer makes the guest scale its
        // own samples, so QEMU applies no volume.
        arguments.device(&json!({"driver": "intel-hda"}));
        arguments.device(&json!({"driver": "hda-duplex", "audiodev": "sound", "mixer": false}));
    }
}

/// Converts a generation of 32 hexadecimal digits to the GUID that QEMU's `vmgenid` takes. The first three
/// fields are byte-reversed, since the guest's memory has them in little-endian order.
fn guid(generation: Option<&str>) -> String {
    let Some(digits) = generation else { return "auto".to_owned() };
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let reversed =
        |range: std::ops::Range<usize>| range.step_by(2).rev().map(|at| part(at..at + 2)).collect::<String>();
    let (low, middle, high) = (reversed(0..8), reversed(8..12), reversed(12..16));
    format!("{low}-{middle}-{high}-{}-{}", part(16..20), part(20..32))
}

/// Appends the options of the network interfaces and their backends.
fn networks(config: &MachineConfig, ends: &[Netdev], arguments: &mut Arguments) {
    for (index, (network, end)) in config.networks.iter().zip(ends).enumerate() {
        // An empty ROM file disables booting from the network.
        let mut device = json!({"driver": "virtio-net-pci", "id": network::name(index), "mac": network.mac, "romfile": ""});
        let backend = match end {
            Netdev::Stream { fd, mtu } => {
                if let Some(mtu) = mtu {
                    device["host_mtu"] = (*mtu).into();
                }
                Some(format!("stream,id=net{index},server=off,addr.type=fd,addr.str={fd}"))
            }
            Netdev::Tap { fd } => Some(format!("tap,id=net{index},fd={fd}")),
            Netdev::None => None,
        };
        if let Some(backend) = backend {
            arguments.option("-netdev", backend);
            device["netdev"] = format!("net{index}").into();
        }
        arguments.device(&device);
    }
}

/// Appends the options of the virtio-serial ports.
fn ports(ports: &[(&'static str, RawFd)], arguments: &mut Arguments) {
    if ports.is_empty() {
        return;
    }
    arguments.device(&json!({"driver": "virtio-serial-pci", "id": "serial-ports"}));
    for (index, (name, fd)) in ports.iter().enumerate() {
        let (id, chardev) = (port_id(index), format!("port{index}-chardev"));
        arguments.option("-chardev", format!("socket,id={chardev},fd={fd}"));
        arguments.device(&json!({
            "driver": "virtserialport", "bus": "serial-ports.0", "id": id, "chardev": chardev, "name": name,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oriel_vmm_api::test_support::machine_config;
    use oriel_vmm_api::{Boot, Disk, Link, MachineKind, Network, RateLimit};
    use std::path::{Path, PathBuf};

    fn config() -> MachineConfig {
        MachineConfig {
            id: "a,b".to_owned(),
            machine: MachineKind::Qemu,
            cpus: 2,
            memory_mib: 1024,
            boot: Boot { kernel: "/k".into(), initrd: None, cmdline: "quiet a,b".to_owned() },
            disks: vec![Disk { path: "/d".into(), read_only: true, ..Disk::default() }],
            width: 1280,
            height: 720,
            ..machine_config(Path::new(""), PathBuf::new())
        }
    }

    fn text(config: &MachineConfig) -> String {
        let networks = vec![Netdev::Stream { fd: 9, mtu: Some(1500) }, Netdev::Tap { fd: 10 }, Netdev::None];
        let (disks, ports) = (vec![vec![12]], vec![("com.example.one", 11)]);
        let inherited = InheritedFds { qmp: 7, serial: 8, disks, networks, ports };
        let kernel = Some(&config.boot.kernel).filter(|kernel| !kernel.as_os_str().is_empty());
        let setup = QemuSetup {
            program: "/usr/bin/qemu-system-x86_64".into(),
            accel: Accel::Tcg,
            cpu_model: "max".into(),
            kernel: kernel.cloned(),
            initrd: None,
        };
        let arguments = arguments(config, &setup, &inherited);
        arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn names_cannot_smuggle_options_in_and_disks_are_descriptors() {
        let text = text(&config());
        assert!(text.contains("guest=a,,b,debug"));
        assert!(text.contains("-add-fd\nfd=12,set=0") && text.contains(r#""filename":"/dev/fdset/0""#));
        assert!(text.contains(r#""read-only":true"#));
    }

    #[test]
    fn memory_is_as_the_configuration_says() {
        let mut config = config();
        assert!(
            text(&config).contains("mem-merge=off") && text(&config).contains("\"free-page-reporting\":true")
        );
        assert!(!text(&config).contains("hugetlb"));
        (config.share_pages, config.huge_pages) = (true, HugePages::Reserved);
        let text = text(&config);
        assert!(text.contains("mem-merge=on,memory-backend=ram") && text.contains("\"size\":1073741824"));
        assert!(text.contains("\"hugetlb\":true") && text.contains("\"free-page-reporting\":false"));
    }

    #[test]
    fn a_generation_becomes_the_guid_with_the_same_bytes() {
        let digits = "000102030405060708090a0b0c0d0e0f";
        assert_eq!(guid(Some(digits)), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(guid(None), "auto");
    }

    #[test]
    fn every_interface_leads_where_it_should() {
        let mut config = config();
        let network =
            |mac: &str| Network { mac: mac.into(), link: Link::Isolated, limit: RateLimit::default() };
        config.networks = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"].map(network).into();
        let text = text(&config);
        assert!(text.contains("stream,id=net0,server=off,addr.type=fd,addr.str=9"));
        assert!(
            text.contains(r#""host_mtu":1500,"id":"nic0","mac":"52:54:00:00:00:01","netdev":"net0""#),
            "{text}"
        );
        assert!(text.contains("tap,id=net1,fd=10"));
        assert!(text.contains(r#""id":"nic2","mac":"52:54:00:00:00:03","romfile":""}"#), "{text}");
    }

    #[test]
    fn ports_are_named_and_connected() {
        let text = text(&config());
        assert!(text.contains("socket,id=port0-chardev,fd=11"), "{text}");
        assert!(text.contains(r#""name":"com.example.one""#) && text.contains(r#""id":"port0""#), "{text}");
    }

    #[test]
    fn a_sound_card_is_there_if_it_is_asked_for() {
        let mut config = config();
        assert!(!text(&config).contains("hda") && !text(&config).contains("audiodev"));
        config.sound = true;
        assert!(text(&config).contains("hda-duplex") && text(&config).contains("p2p=yes,audiodev=sound"));
    }

    #[test]
    fn firmware_gets_a_screen_it_can_draw_on() {
        let mut config = config();
        assert!(text(&config).contains("virtio-gpu-pci") && text(&config).contains("-kernel\n/k"));
        config.boot.kernel = PathBuf::new();
        assert!(text(&config).contains("virtio-vga") && !text(&config).contains("-kernel"));
    }
}
