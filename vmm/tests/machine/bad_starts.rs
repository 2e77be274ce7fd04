//! What cannot start says why in one sentence and leaves nothing behind.

use crate::support::{Desktop, Folder, bench_guest, kvm_is_here, run};
use oriel_vmm_api::{Disk, ExitReason, HugePages, Link, MachineConfig, MachineKind, Network, RateLimit};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Runs what `change` makes of a good configuration; returns what the user is told.
fn refusal(change: impl FnOnce(&Folder, &mut MachineConfig)) -> String {
    let folder = Folder::new();
    let mut config = folder.config(bench_guest(), "");
    change(&folder, &mut config);
    let output = run(&folder, &config).wait_with_output().unwrap();
    assert!(!output.status.success());
    let words = folder.exit_report();
    assert_eq!(words.reason, ExitReason::FailedToStart, "{}", words.text);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, format!("oriel-vmm: {}\n", words.text), "one sentence, and the same one");
    assert!(!config.socket.exists(), "the socket is left behind");
    words.text
}

#[test]
fn every_bad_configuration_gets_its_own_sentence() {
    if !kvm_is_here() {
        return;
    }
    let text = refusal(|_, config| config.cpus = 0);
    assert!(text.contains("1 to 64 processors"), "{text}");
    let text = refusal(|_, config| config.cpus = 65);
    assert!(text.contains("1 to 64 processors"), "{text}");
    for screens in [0, 5] {
        let text = refusal(|_, config| config.screens = screens);
        assert!(text.contains("1 to 4 screens"), "{text}");
    }
    let network = |mac: &str, link| Network { mac: mac.into(), link, limit: RateLimit::default() };
    let text = refusal(|_, config| config.networks = vec![network("01:00:5e:00:00:01", Link::Isolated)]);
    assert!(text.contains("01:00:5e:00:00:01 is a multicast address"), "{text}");
    let tap = Link::Tap { name: "no-such-tap".into() };
    let text = refusal(|_, config| config.networks = vec![network("52:54:00:12:34:56", tap)]);
    assert!(text.contains("no network interface no-such-tap"), "{text}");
    let text = refusal(|_, config| config.memory_mib = 32);
    assert!(text.contains("at least 64 MiB"), "{text}");
    let text = refusal(|_, config| config.memory_mib = u32::MAX);
    assert!(text.contains("this host has"), "{text}");
    let text = refusal(|_, config| config.memory_mib = 0);
    assert!(text.contains("at least 64 MiB"), "{text}");
    let text = refusal(|_, config| config.huge_pages = HugePages::Reserved);
    assert!(text.contains("vm.nr_hugepages") && text.contains("MiB of them free"), "{text}");
    let text = refusal(|_, config| {
        (config.memory_mib, config.huge_pages) = (65, HugePages::Reserved);
    });
    assert!(text.contains("even number"), "{text}");
    for generation in ["", "7", "000102030405060708090a0b0c0d0e0g"] {
        let text = refusal(|_, config| config.generation = Some(generation.into()));
        assert!(text.contains("32 hexadecimal digits"), "{text}");
    }
    let text = refusal(|folder, config| config.boot.kernel = folder.path("nowhere"));
    assert!(text.contains("nowhere") && text.contains("cannot be read"), "{text}");
    let text = refusal(|folder, config| config.boot.initrd = Some(folder.path("no-initrd")));
    assert!(text.contains("no-initrd"), "{text}");
    let text = refusal(|folder, config| {
        config.boot.kernel = folder.path("noise");
        std::fs::write(&config.boot.kernel, [0x5A; 100_000]).unwrap();
    });
    assert!(text.contains("no kernel that can be booted"), "{text}");
    let text = refusal(|folder, config| {
        config.boot.kernel = folder.path("empty");
        std::fs::write(&config.boot.kernel, []).unwrap();
    });
    assert!(text.contains("no kernel that can be booted"), "{text}");
    let text = refusal(|_, config| config.boot.kernel = "/".into());
    assert!(text.contains("kernel / "), "{text}");
    let text = refusal(|folder, config| {
        let mut elf = std::fs::read(bench_guest()).unwrap();
        elf.truncate(8192);
        config.boot.kernel = folder.path("cut");
        std::fs::write(&config.boot.kernel, elf).unwrap();
    });
    assert!(text.contains("damaged"), "{text}");
    let text = refusal(|folder, config| {
        config.disks.push(Disk { path: folder.path("no-disk"), read_only: false, ..Disk::default() });
    });
    assert!(text.contains("no-disk"), "{text}");
    let text = refusal(|folder, config| config.serial_log = folder.path("missing/serial.log"));
    assert!(text.contains("serial log"), "{text}");
    for (change, part) in [
        ((|config| config.boot.kernel = "/nowhere".into()) as fn(&mut MachineConfig), "nowhere"),
        (|config| config.cpus = 0, "1 to 64 processors"),
        (|config| config.memory_mib = u32::MAX, "cannot give"),
        (|config| config.generation = Some("7".into()), "32 hexadecimal digits"),
    ] {
        let text = refusal(|_, config| {
            config.machine = MachineKind::Qemu;
            change(config);
        });
        assert!(text.contains(part) || text.contains("QEMU is not installed"), "{text}");
    }
}

#[test]
fn a_configuration_that_is_none_is_refused() {
    let folder = Folder::new();
    let path = folder.path("machine.json");
    std::fs::write(&path, "{\"id\": \"x\", \"colour\": 3}").unwrap();
    let vmm = || std::process::Command::new(env!("CARGO_BIN_EXE_oriel-vmm"));
    let output = vmm().args(["run", "--config"]).arg(&path).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not valid"));
    let output = vmm().args(["run", "--config", "/nowhere"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be read"));
}

#[test]
fn a_socket_in_use_is_respected_and_bad_connections_do_no_harm() {
    if !kvm_is_here() {
        return;
    }
    let desktop = Desktop::start("scene=echo");
    let socket = desktop.folder.path("socket");
    let other = Folder::new();
    let mut config = other.config(bench_guest(), "");
    config.socket = socket.clone();
    let output = run(&other, &config).wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
    assert!(socket.exists(), "the first desktop keeps its socket");

    for line in ["\n", "hello\n", "{\"open\":\"nonsense\"}\n", "{\"open\":\"viewer\"}\n"] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("{\"refused\":"), "{line:?}: {answer}");
    }
    let mut stream = UnixStream::connect(&socket).unwrap();
    let _ = stream.write_all(&[b'x'; 100_000]);
    let mut control = UnixStream::connect(&socket).unwrap();
    control.write_all(b"{\"open\":\"control\",\"versions\":{\"newest\":9,\"oldest\":1}}\n").unwrap();
    // A request that no version here knows is refused, and a malformed one ends its connection.
    control.write_all(b"{\"id\":1,\"do\":\"explode\"}\n{\"do\":\"stop\"}\n").unwrap();
    let mut answer = String::new();
    control.read_to_string(&mut answer).unwrap();
    let answers: Vec<&str> = answer.lines().collect();
    assert_eq!(answers.len(), 2, "{answer}");
    assert_eq!(answers[0], "{\"accepted\":{\"version\":1}}");
    assert!(answers[1].starts_with("{\"id\":1,\"error\":"), "{answer}");
    let mut unversioned = UnixStream::connect(&socket).unwrap();
    unversioned.write_all(b"{\"open\":\"control\"}\n").unwrap();
    let mut answer = String::new();
    unversioned.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"unsupported_version\":"), "{answer}");
    let outcome = desktop.request(oriel_vmm_api::Command::Describe);
    let oriel_vmm_api::Outcome::Description(facts) = outcome else { panic!("no description") };
    assert_eq!(facts.counters.get("control_unknown_requests"), Some(&1));
}

#[test]
fn with_a_log_only_what_precedes_it_goes_to_standard_error() {
    if !kvm_is_here() {
        return;
    }
    let folder = Folder::new();
    let config = folder.config(folder.path("no-kernel"), "");
    std::fs::write(folder.path("machine.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    let told = |log: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_oriel-vmm"));
        command.args(["run", "--config"]).arg(folder.path("machine.json")).arg("--log").arg(folder.path(log));
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(told("vmm.log"), "");
    let log = std::fs::read_to_string(folder.path("vmm.log")).unwrap();
    assert!(log.contains(&folder.exit_report().text) && log.contains("no-kernel"), "{log}");
    let text = told("missing/vmm.log");
    assert!(text.starts_with("oriel-vmm: The log ") && text.contains("cannot be written"), "{text}");
}
