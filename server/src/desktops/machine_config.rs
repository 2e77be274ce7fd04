//! Writing down a desktop's machine for `oriel-vmm`.

use super::choice::Choice;
use super::table::Record;
use crate::images::{Image, RunsAt};
use crate::people::Settings;
use crate::state::DesktopDir;
use oriel_vmm_api::{Boot, Disk, HugePages, MachineConfig, MachineKind};

/// The machine of a desktop.
pub(super) fn machine_config(
    record: &Record,
    dir: &DesktopDir,
    image: &Image,
    choice: &Choice,
    settings: &Settings,
) -> MachineConfig {
    let manifest = &image.manifest;
    let mut cmdline = manifest.cmdline.clone();
    if manifest.runs_at == RunsAt::Kernel {
        cmdline.push_str(&guest_words(record, settings));
    }
    MachineConfig {
        id: record.id.clone(),
        machine: choice.machine,
        accel: (choice.machine == MachineKind::Qemu).then_some(choice.accel),
        cpus: record.pool.cpus,
        memory_mib: record.pool.memory_mib,
        boot: Boot {
            kernel: image.dir.join(&manifest.kernel),
            initrd: manifest.initrd.as_ref().map(|path| image.dir.join(path)),
            cmdline,
        },
        disks: manifest
            .disk
            .iter()
            .map(|path| Disk { path: image.dir.join(path), read_only: false, ..Disk::default() })
            .collect(),
        networks: Vec::new(),
        sound: false,
        // A guest that lives in user mode, as the bench guest does, has none.
        agents: manifest.runs_at == RunsAt::Kernel,
        huge_pages: HugePages::default(),
        share_pages: false,
        generation: None,
        require_jail: false,
        screens: 4,
        width: 1920,
        height: 1080,
        socket: dir.socket(),
        serial_log: dir.serial_log(),
        last_words: dir.last_words(),
    }
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
    use crate::desktops::State;
    use crate::images::Manifest;
    use crate::people::{MachineSetting, Pool};
    use oriel_vmm_api::Accel;

    fn config_for(manifest: &str, settings: &Settings) -> MachineConfig {
        let record = Record {
            id: "d1".into(),
            person_id: "p1".into(),
            person_name: "ada.l".into(),
            pool: Pool {
                id: "q1".into(),
                name: "debian".into(),
                image: "debian-xfce".into(),
                cpus: 2,
                memory_mib: 2048,
                machine: MachineSetting::Auto,
                video_only: false,
            },
            state: State::Stopped,
            reason: None,
            since: 0,
            pid: None,
        };
        let state = tempfile::tempdir().unwrap();
        let dir = crate::state::StateDir::open(state.path()).unwrap().desktop("d1");
        let image = Image { dir: "/images/x".into(), manifest: Manifest::parse(manifest).unwrap() };
        let choice = Choice { machine: MachineKind::Qemu, accel: Accel::Tcg, text: String::new() };
        machine_config(&record, &dir, &image, &choice, settings)
    }

    const KERNEL: &str = "name = \"x\"\nkernel = \"vmlinuz\"\ndisk = \"disk.raw\"\ncmdline = \"quiet\"\nruns_at = \"kernel\"\n";

    #[test]
    fn a_guest_with_a_kernel_is_told_its_keyboard_and_name() {
        let settings =
            Settings { layout: "de".into(), layout_variant: "nodeadkeys".into(), ..Settings::default() };
        let config = config_for(KERNEL, &settings);
        assert_eq!(
            config.boot.cmdline,
            "quiet oriel.hostname=debian-ada-l oriel.layout=de oriel.variant=nodeadkeys"
        );
        assert_eq!(config.disks[0].path, std::path::Path::new("/images/x/disk.raw"));
        assert_eq!(config.accel, Some(Accel::Tcg));
    }

    #[test]
    fn a_bad_layout_never_reaches_the_command_line() {
        let settings = Settings { layout: "de init=/bin/sh".into(), ..Settings::default() };
        assert_eq!(config_for(KERNEL, &settings).boot.cmdline, "quiet oriel.hostname=debian-ada-l");
    }

    #[test]
    fn a_guest_without_a_kernel_gets_its_own_words_only() {
        let manifest = "name = \"x\"\nkernel = \"guest\"\ncmdline = \"scene=echo\"\nruns_at = \"user\"\n";
        let config = config_for(manifest, &Settings::default());
        assert_eq!(config.boot.cmdline, "scene=echo");
        assert!(config.disks.is_empty());
    }

    #[test]
    fn host_names_are_host_names() {
        assert_eq!(hostname("a", "B_c"), "a-b-c");
        assert_eq!(hostname("-", "-"), "desktop");
        assert_eq!(hostname(&"a".repeat(80), "b").len(), 63);
    }
}
