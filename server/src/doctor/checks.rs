//! Checks of this host: machine program, virtualization, state folder, ports and certificate.

use super::report::{Report, Verdict};
use super::resources;
use crate::config::Config;
use crate::listener::certificate_for;
use crate::programs;
use crate::state::{DatabaseReserve, RESERVE, Reserved, StateDir, open_database};
use crate::web::WebRoot;
use oriel_host::admission::HostProbe;
use oriel_host::folder::{LockError, try_lock};
use oriel_vmm_api::{HostFacts, Jail, JailPart, KvmFinding};
use rustix::process::geteuid;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

/// Free space in MiB below which an image cannot be built.
const DISK_FOR_AN_IMAGE_MIB: u64 = 4096;

/// Runs all checks in their order.
pub(super) async fn all(config: &Config, report: &mut Report) {
    machine(config, report).await;
    report.result(
        "web client",
        programs::web_root(config).and_then(|root| {
            WebRoot::open(&root).map(|_| format!("The web client is in {}.", root.display()))
        }),
    );
    let state = match StateDir::open(&config.state_dir) {
        Ok(state) => state,
        Err(text) => return report.add("state", Verdict::Fail, text),
    };
    state_folder(&state, report).await;
    disk(state.root(), report);
    resources::share(config, report);
    resources::images(&state, report);
    image_tools(report);
    let runs = matches!(try_lock(&state.server_lock()), Err(LockError::Held));
    port("port", config.listen, runs, report);
    if let Some(address) = config.plain_loopback {
        port("plain port", address, runs, report);
    }
    report.result(
        "certificate",
        certificate_for(config, &state).map(|certificate| {
            let origin = if certificate.given { "given" } else { "made by Oriel" };
            format!("The certificate ({origin}) has the SHA-256 {}.", certificate.fingerprint)
        }),
    );
    resources::cgroups(report);
    resources::schedule(report);
    resources::network(&state, report).await;
}

/// Checks the machine program, and what it reports of the host.
async fn machine(config: &Config, report: &mut Report) {
    let vmm = match programs::vmm(config) {
        Ok(vmm) => vmm,
        Err(text) => return report.add("oriel-vmm", Verdict::Fail, text),
    };
    report.add("oriel-vmm", Verdict::Ok, format!("The machine program is {}.", vmm.display()));
    match HostProbe::new(vmm).facts().await {
        Ok(facts) => {
            virtualization(&facts, report);
            jail(&facts.jail, report);
        }
        Err(text) => report.add("kvm", Verdict::Fail, text),
    }
}

/// Checks KVM, QEMU and passt.
fn virtualization(facts: &HostFacts, report: &mut Report) {
    let qemu_works = facts.qemu.is_some() && facts.qemu_dbus_display;
    let kvm = match facts.kvm {
        KvmFinding::Real => Verdict::Ok,
        // Without KVM, QEMU emulates.
        _ if qemu_works => Verdict::Warn,
        _ => Verdict::Fail,
    };
    report.add("kvm", kvm, facts.kvm_text.clone());
    let without = if facts.kvm == KvmFinding::Real { Verdict::Warn } else { Verdict::Fail };
    match &facts.qemu {
        None => report.add(
            "qemu",
            without,
            "QEMU is not installed; guests that Oriel's own machine does not run need it: apt-get install qemu-system-x86.",
        ),
        Some(version) if !facts.qemu_dbus_display => report.add(
            "qemu",
            without,
            format!("QEMU {version} has no D-Bus display; install QEMU 7.0 or newer with qemu-system-common."),
        ),
        Some(version) => report.add("qemu", Verdict::Ok, format!("QEMU {version} has the D-Bus display.")),
    }
    match &facts.passt {
        None => report.add(
            "passt",
            Verdict::Warn,
            "passt is not installed; desktops on the default network need it: apt-get install passt.",
        ),
        Some(version) => {
            report.add("passt", Verdict::Ok, format!("passt is there for the default network ({version})."));
        }
    }
}

/// Checks the parts of the jail around machines. Control groups are made by the server and have a check of
/// their own.
fn jail(jail: &Jail, report: &mut Report) {
    if jail.parts.is_empty() {
        report.add(
            "jail",
            Verdict::Warn,
            "Whether machines are jailed here could not be tried; `oriel-vmm probe` says why.",
        );
        return;
    }
    let missing: Vec<_> = jail.missing().filter(|part| part.part != JailPart::Cgroup).collect();
    if missing.is_empty() {
        report.add("jail", Verdict::Ok, "Every part of the jail around machines can be had here.");
    }
    for part in missing {
        report.add("jail", Verdict::Warn, part.text.clone());
    }
}

/// Checks the state folder and the database.
async fn state_folder(state: &StateDir, report: &mut Report) {
    match open_database(state).await {
        Ok(db) => {
            let text =
                format!("The state folder {} is writable and its database opens.", state.root().display());
            report.add("state", Verdict::Ok, text);
            reserve(&DatabaseReserve::new(db.clone(), state.clone()), report).await;
            db.close().await;
        }
        Err(text) => report.add("state", Verdict::Fail, text),
    }
}

/// Checks the room that the database keeps for itself.
async fn reserve(reserve: &DatabaseReserve, report: &mut Report) {
    match reserve.reserved().await {
        Ok(Reserved { pages, file, .. }) if pages >= RESERVE / 2 && file >= RESERVE => report.add(
            "database reserve",
            Verdict::Ok,
            format!(
                "The database keeps {} MiB for itself, so that logins, stops and the audit log go on when the disk is full.",
                pages.saturating_add(file) >> 20
            ),
        ),
        Ok(_) => report.add(
            "database reserve",
            Verdict::Warn,
            "The database has no room of its own for the time when the disk is full; a running server takes it once \
             128 MiB are free.",
        ),
        Err(error) => report.add(
            "database reserve",
            Verdict::Warn,
            format!("The room that the database keeps for itself cannot be read ({error})."),
        ),
    }
}

/// Checks the free space for an image.
fn disk(root: &Path, report: &mut Report) {
    match rustix::fs::statvfs(root) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize) / (1 << 20);
            if free < DISK_FOR_AN_IMAGE_MIB {
                report.add(
                    "disk",
                    Verdict::Warn,
                    format!(
                        "{} has {free} MiB free; an image alone takes {DISK_FOR_AN_IMAGE_MIB}: make room.",
                        root.display()
                    ),
                );
            } else {
                report.add("disk", Verdict::Ok, format!("{} has {free} MiB free.", root.display()));
            }
        }
        Err(error) => report.add("disk", Verdict::Warn, format!("The free room is not known: {error}.")),
    }
}

/// Checks the programs that build images.
fn image_tools(report: &mut Report) {
    let tools = [("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs"), ("newuidmap", "uidmap")];
    let missing: Vec<_> =
        tools.iter().filter(|(tool, _)| !programs::is_installed(tool)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        report.add(
            "image tools",
            Verdict::Warn,
            format!("To build images here: apt-get install {packages}."),
        );
    } else if geteuid().is_root() || has_subordinate_ids() {
        report.add("image tools", Verdict::Ok, "Images can be built here.");
    } else {
        report.add(
            "image tools",
            Verdict::Warn,
            "To build images, the owner of the state folder needs subordinate ids; `oriel image build` says how to give some.",
        );
    }
}

/// Returns whether this user has subordinate ids for the files of images (subuid(5)).
fn has_subordinate_ids() -> bool {
    let uid = geteuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd.lines().find(|line| line.split(':').nth(2) == Some(uid.as_str()));
    let name = entry.and_then(|line| line.split(':').next()).unwrap_or(&uid);
    ["/etc/subuid", "/etc/subgid"].iter().all(|file| {
        let ranges = std::fs::read_to_string(file).unwrap_or_default();
        ranges.lines().any(|line| line.split(':').next().is_some_and(|owner| owner == name || owner == uid))
    })
}

/// Checks that a port is free, or used by the running server.
fn port(check: &'static str, address: SocketAddr, server_runs: bool, report: &mut Report) {
    match TcpListener::bind(address) {
        Ok(_) => report.add(check, Verdict::Ok, format!("{address} is free.")),
        Err(_) if server_runs => {
            report.add(check, Verdict::Ok, format!("A server runs; it may have {address}."))
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && address.port() < 1024 => report.add(
            check,
            Verdict::Warn,
            format!(
                "Ports below 1024, such as that of {address}, take a privilege, which deploy/systemd/oriel.service gives."
            ),
        ),
        Err(error) => report.add(
            check,
            Verdict::Fail,
            format!("Oriel cannot listen on {address} ({error}); choose another in the configuration."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kvm: KvmFinding, qemu: bool) -> HostFacts {
        HostFacts {
            kvm,
            kvm_text: String::new(),
            qemu: qemu.then(|| "7.2".into()),
            qemu_dbus_display: qemu,
            passt: None,
            cpus: 1,
            memory_mib: 1,
            jail: Jail::default(),
        }
    }

    #[test]
    fn a_host_needs_one_way_to_run_guests() {
        for (kvm, qemu, fit) in [
            (KvmFinding::Real, true, true),
            (KvmFinding::Real, false, true),
            (KvmFinding::Absent, true, true),
            (KvmFinding::Interpreting, true, true),
            (KvmFinding::Absent, false, false),
            (KvmFinding::Forbidden, false, false),
        ] {
            let mut report = Report::default();
            virtualization(&facts(kvm, qemu), &mut report);
            assert_eq!(!report.failed(), fit, "{kvm:?} {qemu}");
        }
    }

    #[test]
    fn what_is_missing_of_the_jail_is_told_with_its_remedy() {
        let mut whole = Jail::default();
        whole.add(JailPart::Seccomp, true, "Only its own system calls are allowed.");
        whole.add(JailPart::Cgroup, false, "Not this check's business.");
        let mut report = Report::default();
        jail(&whole, &mut report);
        assert_eq!(report.verdict_of("jail"), Some(Verdict::Ok));

        whole.add(JailPart::Landlock, false, "The kernel has no Landlock; use Linux 5.13 or newer.");
        let mut report = Report::default();
        jail(&whole, &mut report);
        assert_eq!(report.verdict_of("jail"), Some(Verdict::Warn));
        assert!(!report.failed());
    }

    #[test]
    fn a_port_in_use_is_found_unless_it_is_our_own() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for (server_runs, verdict) in [(false, Verdict::Fail), (true, Verdict::Ok)] {
            let mut report = Report::default();
            port("port", address, server_runs, &mut report);
            assert_eq!(report.verdict_of("port"), Some(verdict));
        }
    }
}
