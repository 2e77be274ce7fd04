//! Machine configuration for tests (feature `test-support`); not part of the server or `oriel-vmm`.

use crate::config::{Boot, HugePages, MachineConfig, MachineKind};
use crate::version::CONFIG_VERSION;
use std::path::{Path, PathBuf};

/// Returns the configuration of a small machine on KVM: one processor, 64 MiB, one screen of 640x480
/// pixels, and `kernel` with an empty command line. Socket, log and exit report are in `folder`.
/// Tests override single fields by struct update syntax.
pub fn machine_config(folder: &Path, kernel: PathBuf) -> MachineConfig {
    MachineConfig {
        version: CONFIG_VERSION,
        id: "test".into(),
        machine: MachineKind::Kvm,
        accel: None,
        cpus: 1,
        memory_mib: 64,
        boot: Boot { kernel, initrd: None, cmdline: String::new() },
        disks: Vec::new(),
        networks: Vec::new(),
        sound: false,
        agents: false,
        huge_pages: HugePages::default(),
        share_pages: false,
        generation: None,
        require_jail: false,
        stop_grace_s: 0,
        screens: 1,
        width: 640,
        height: 480,
        socket: folder.join("socket"),
        serial_log: folder.join("serial.log"),
        exit_report: folder.join("exit-report.json"),
    }
}
