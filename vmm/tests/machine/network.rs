//! passt comes and goes with the desktop.

use crate::support::{Desktop, kvm_is_here, wait_until};
use crate::tiny_guest::boot_as;
use oriel_vmm_api::egress::EgressRules;
use oriel_vmm_api::{Link, Network, RateLimit};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// All processes that live: each with its parent and its name (proc_pid_stat(5)).
fn processes() -> BTreeMap<u32, (u32, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let facts = stats.filter_map(|stat| {
        let (head, tail) = stat.rsplit_once(") ")?;
        let (pid, name) = head.split_once(" (")?;
        let mut tail = tail.split(' ');
        let (state, parent) = (tail.next()?, tail.next()?.parse().ok()?);
        (state != "Z" && state != "X").then(|| Some((pid.parse().ok()?, (parent, name.to_owned()))))?
    });
    facts.collect()
}

/// The passt processes below `ancestor`.
fn passts_of(ancestor: u32) -> Vec<u32> {
    let all = processes();
    let below = |mut pid: u32| {
        while let Some((parent, _)) = all.get(&pid) {
            if *parent == ancestor {
                return true;
            }
            pid = *parent;
        }
        false
    };
    let named = all.iter().filter(|(_, (_, name))| name.starts_with("passt"));
    named.map(|(pid, _)| *pid).filter(|pid| below(*pid)).collect()
}

fn networked(letter: char) -> Desktop {
    boot_as(letter, &[], |config| {
        let mac = "52:54:00:12:34:56".to_owned();
        config.networks = vec![Network {
            mac,
            link: Link::Passt { egress: EgressRules::default() },
            limit: RateLimit::default(),
        }];
    })
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn no_passt_outlives_its_desktop() {
    if !kvm_is_here() || !Path::new("/usr/bin/passt").exists() {
        eprintln!("skipped: passt is not installed");
        return;
    }
    // One that is stopped hears nothing of its socket's end, and goes all the same.
    for (letter, stopped) in [('P', false), ('Q', true)] {
        let mut desktop = networked(letter);
        let supervisor = desktop.process.id();
        wait_until("passt runs", || !passts_of(supervisor).is_empty());
        let passts = passts_of(supervisor);
        if stopped {
            passts.iter().for_each(|pid| signal(*pid, "STOP"));
        }
        desktop.process.kill().unwrap();
        desktop.process.wait().unwrap();
        wait_until("passt is gone", || {
            let all = processes();
            passts.iter().all(|pid| !all.contains_key(pid))
        });
    }
}

#[test]
fn a_passt_that_dies_is_replaced() {
    if !kvm_is_here() || !Path::new("/usr/bin/passt").exists() {
        eprintln!("skipped: passt is not installed");
        return;
    }
    let desktop = networked('R');
    let supervisor = desktop.process.id();
    wait_until("passt runs", || !passts_of(supervisor).is_empty());
    let first = passts_of(supervisor);
    first.iter().for_each(|pid| signal(*pid, "KILL"));
    wait_until("another runs", || {
        let now = passts_of(supervisor);
        !now.is_empty() && now.iter().all(|pid| !first.contains(pid))
    });
}
