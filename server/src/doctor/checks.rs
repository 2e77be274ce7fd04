//! The checks, one function each.

use super::report::{Report, Verdict};
use crate::config::Config;
use crate::desktops::{HostProbe, available_memory_mib};
use crate::images::ImageStore;
use crate::listener::certificate_for;
use crate::programs;
use crate::state::{LockError, StateDir, open_database, try_lock};
use crate::web::WebRoot;
use oriel_vmm_api::{HostFacts, KvmFinding};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

/// Below this much free disk an image cannot be built.
const DISK_FOR_AN_IMAGE_MIB: u64 = 4096;
/// A small desktop.
const SMALL_DESKTOP_MIB: u64 = 1024;

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
    memory(config, report);
    images(&state, report);
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
    cgroups(report);
}

async fn machine(config: &Config, report: &mut Report) {
    let vmm = match programs::vmm(config) {
        Ok(vmm) => vmm,
        Err(text) => return report.add("oriel-vmm", Verdict::Fail, text),
    };
    report.add("oriel-vmm", Verdict::Ok, format!("The machine program is {}.", vmm.display()));
    match HostProbe::new(vmm).facts().await {
        Ok(facts) => virtualization(&facts, report),
        Err(text) => report.add("kvm", Verdict::Fail, text),
    }
}

fn virtualization(facts: &HostFacts, report: &mut Report) {
    let qemu_works = facts.qemu.is_some() && facts.qemu_dbus_display;
    let kvm = match facts.kvm {
        KvmFinding::Real => Verdict::Ok,
        // QEMU's emulation takes over where it can.
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

async fn state_folder(state: &StateDir, report: &mut Report) {
    report.result(
        "state",
        match open_database(state).await {
            Ok(db) => {
                db.close().await;
                Ok(format!("The state folder {} is writable and its database opens.", state.root().display()))
            }
            Err(text) => Err(text),
        },
    );
}

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

fn memory(config: &Config, report: &mut Report) {
    let reserve = u64::from(config.desktops.host_reserve_mib);
    match available_memory_mib() {
        Some(available) if available >= reserve + SMALL_DESKTOP_MIB => {
            let left = available - reserve;
            report.add("memory", Verdict::Ok, format!("{left} MiB are left for desktops."));
        }
        Some(available) => report.add(
            "memory",
            Verdict::Warn,
            format!(
                "{available} MiB are available and {reserve} are kept for the host: too little for a desktop."
            ),
        ),
        None => report.add("memory", Verdict::Warn, "How much memory is available is not known."),
    }
}

fn images(state: &StateDir, report: &mut Report) {
    match ImageStore::new(state.images()).list() {
        Ok(images) if images.is_empty() => {
            report.add("images", Verdict::Warn, "There is no image yet: oriel image build debian-xfce.");
        }
        Ok(images) => {
            let damaged: Vec<_> = images.iter().filter_map(|(_, image)| image.as_ref().err()).collect();
            match damaged.first() {
                Some(error) => report.add("images", Verdict::Fail, error.to_string()),
                None => report.add("images", Verdict::Ok, format!("{} images are whole.", images.len())),
            }
        }
        Err(error) => report.add("images", Verdict::Fail, format!("{}: {error}.", state.images().display())),
    }
}

fn image_tools(report: &mut Report) {
    let tools = [("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs")];
    let missing: Vec<_> =
        tools.iter().filter(|(tool, _)| !is_installed(tool)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        report.add("image tools", Verdict::Ok, "Images can be built here.");
    } else {
        let packages = missing.join(" ");
        report.add(
            "image tools",
            Verdict::Warn,
            format!("To build images here: apt-get install {packages}."),
        );
    }
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(system).any(|folder| folder.join(tool).is_file())
}

fn port(check: &'static str, address: SocketAddr, server_runs: bool, report: &mut Report) {
    match TcpListener::bind(address) {
        Ok(_) => report.add(check, Verdict::Ok, format!("{address} is free.")),
        Err(_) if server_runs => {
            report.add(check, Verdict::Ok, format!("A server runs; it may have {address}."))
        }
        Err(error) => report.add(
            check,
            Verdict::Fail,
            format!("Oriel cannot listen on {address} ({error}); choose another in the configuration."),
        ),
    }
}

fn cgroups(report: &mut Report) {
    let controllers = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    if controllers.split_whitespace().any(|controller| controller == "memory") {
        report.add("cgroups", Verdict::Ok, "Control groups are version 2.");
    } else {
        report.add(
            "cgroups",
            Verdict::Warn,
            "Control groups are not version 2 with the memory controller, so desktops cannot be held to their share; \
             start the host with systemd.unified_cgroup_hierarchy=1.",
        );
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
    fn a_port_in_use_is_found_unless_it_is_our_own() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for (server_runs, verdict) in [(false, Verdict::Fail), (true, Verdict::Ok)] {
            let mut report = Report::default();
            port("port", address, server_runs, &mut report);
            assert_eq!(report.verdict_of("port"), Some(verdict));
        }
    }

    #[test]
    fn tools_are_looked_for_where_root_has_them() {
        assert!(is_installed("sh"));
        assert!(!is_installed("no-such-tool-anywhere"));
    }
}
