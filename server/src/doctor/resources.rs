//! Checks of the resources that desktops share: memory, processors, images, control groups, networks.

use super::report::{Report, Verdict};
use crate::config::Config;
use crate::pools::{Pool, Pools};
use crate::programs::is_installed;
use crate::state::{StateDir, open_database};
use oriel_host::admission::{HostReserve, HostSize, available_memory_mib};
use oriel_host::images::{Image, ImageError, ImageStore, RunsAt};
use oriel_host::network::{NetworkSetting, TapInterface, matching, tap_interfaces};
use oriel_host::schedule::{CGROUP_MOUNT, check_cgroups};
use std::path::Path;

/// Memory of a small desktop in MiB, below which a warning is due.
const SMALL_DESKTOP_MIB: u64 = 1024;

/// Checks the memory and processors that the reserve leaves for desktops.
pub(super) fn share(config: &Config, report: &mut Report) {
    let host = HostSize::of_this_host();
    let reserve = HostReserve::new(&config.desktops.reserve_settings(), host);
    let kept = reserve.memory_mib;
    match available_memory_mib() {
        Some(available) if available >= kept + SMALL_DESKTOP_MIB => {
            let left = available - kept;
            report.add(
                "memory",
                Verdict::Ok,
                format!("{left} MiB are left for desktops; {kept} are kept for the host."),
            );
        }
        Some(available) => report.add(
            "memory",
            Verdict::Warn,
            format!(
                "{available} MiB are available and {kept} are kept for the host: too little for a desktop."
            ),
        ),
        None => report.add("memory", Verdict::Warn, "How much memory is available is not known."),
    }
    let most = reserve.most_cpus(host);
    let verdict = if most == 0 { Verdict::Fail } else { Verdict::Ok };
    report.add(
        "processors",
        verdict,
        format!(
            "{} of {} processors are kept for the host; the others carry {most} virtual ones at most.",
            reserve.cpus, host.cpus
        ),
    );
}

/// Checks that every image has its files with the right lengths.
pub(super) fn images(state: &StateDir, report: &mut Report) {
    let looked = ImageStore::open(state.host_dir()).and_then(|store| {
        let names = store.names()?;
        let damaged: Vec<ImageError> =
            names.iter().filter_map(|name| Image::newest(&store, name).err()).collect();
        Ok((names.len(), damaged))
    });
    match looked {
        Ok((0, _)) => {
            report.add("images", Verdict::Warn, "There is no image yet: oriel image build debian-xfce.");
        }
        Ok((count, damaged)) => match damaged.first() {
            Some(error) => report.add("images", Verdict::Fail, error.to_string()),
            None => report.add(
                "images",
                Verdict::Ok,
                format!("{count} images have all their files; `oriel image verify` reads them."),
            ),
        },
        Err(error) => report.add("images", Verdict::Fail, error.to_string()),
    }
}

/// Checks whether control groups can limit desktops.
pub(super) fn cgroups(report: &mut Report) {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match check_cgroups(Path::new(CGROUP_MOUNT), &own) {
        Ok(text) => report.add("cgroups", Verdict::Ok, text),
        Err(text) => report.add("cgroups", Verdict::Warn, text),
    }
}

/// Checks whether the priorities of desktops can be applied.
pub(super) fn schedule(report: &mut Report) {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let by_groups = check_cgroups(Path::new(CGROUP_MOUNT), &own).is_ok();
    let (verdict, text) = if by_groups {
        (Verdict::Ok, "Desktops that people work with come first, by their control groups.")
    } else if rustix::process::geteuid().is_root() {
        (Verdict::Ok, "Desktops that people work with come first, by nice values.")
    } else {
        (
            Verdict::Warn,
            "A desktop that nobody watched for a while stays behind others; run the server by its systemd unit.",
        )
    };
    report.add("schedule", verdict, text);
}

/// Checks what the pools' networks need.
pub(super) async fn network(state: &StateDir, report: &mut Report) {
    let pools = async {
        let db = open_database(state).await?;
        let listed = Pools::new(db.clone()).list().await.map_err(|error| error.to_string());
        db.close().await;
        listed
    };
    match pools.await {
        Ok(pools) => {
            let images = ImageStore::open(state.host_dir());
            // A guest without an operating system has no network.
            let is_system = |pool: &Pool| {
                let newest = images.as_ref().ok().and_then(|images| images.newest(&pool.settings.image).ok());
                newest.is_none_or(|version| version.runs_at == RunsAt::Kernel)
            };
            let pools: Vec<Pool> = pools.into_iter().map(|(pool, _)| pool).filter(is_system).collect();
            let interfaces = tap_interfaces(Path::new("/sys/class/net")).unwrap_or_default();
            report_passt(is_installed("passt"), &pools, report);
            report_tap(&interfaces, is_installed("nft"), &pools, report);
        }
        Err(text) => report.add("network", Verdict::Fail, text),
    }
}

/// Reports whether passt is installed, as a failure if a pool needs it.
fn report_passt(installed: bool, pools: &[Pool], report: &mut Report) {
    let needed = pools.iter().any(|pool| pool.settings.network == NetworkSetting::Passt);
    let missing =
        "passt is not installed, so desktops have no network; install it with: apt-get install passt";
    match (installed, needed) {
        (true, _) => report.add("passt", Verdict::Ok, "passt connects desktops that have no TAP interface."),
        (false, true) => report.add("passt", Verdict::Fail, missing),
        (false, false) => report.add("passt", Verdict::Warn, missing),
    }
}

/// Reports the TAP interfaces of each pool that uses some.
fn report_tap(interfaces: &[TapInterface], nft: bool, pools: &[Pool], report: &mut Report) {
    for pool in pools {
        let NetworkSetting::Tap(setting) = &pool.settings.network else { continue };
        let there = matching(setting, interfaces).count();
        let name = &pool.name;
        let (verdict, text) = match (there, nft) {
            (0, _) => (
                Verdict::Fail,
                format!("The pool {name} needs the TAP interface {setting}, which is not there; make it."),
            ),
            (_, false) => (
                Verdict::Fail,
                format!("The rules of the pool {name} need nft; install it with: apt-get install nftables"),
            ),
            (count, true) => (
                Verdict::Ok,
                format!(
                    "The pool {name} has {count} TAP interfaces; their rules hold after `oriel network apply`."
                ),
            ),
        };
        report.add("tap", verdict, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools::PoolSettings;

    fn pool(network: &str) -> Pool {
        let settings = PoolSettings { network: network.parse().unwrap(), ..PoolSettings::new("x".into()) };
        Pool { id: "1".into(), name: "office".parse().unwrap(), settings }
    }

    #[test]
    fn passt_is_missed_most_where_a_pool_needs_it() {
        for (installed, network, verdict) in [
            (true, "passt", Verdict::Ok),
            (false, "passt", Verdict::Fail),
            (false, "isolated", Verdict::Warn),
        ] {
            let mut report = Report::default();
            report_passt(installed, &[pool(network)], &mut report);
            assert_eq!(report.verdict_of("passt"), Some(verdict));
        }
    }

    #[test]
    fn tap_interfaces_are_looked_for_where_a_pool_needs_them() {
        let desk = [TapInterface { name: "desk0".into(), in_use: false }];
        for (interfaces, nft, network, verdict) in [
            (&desk[..], true, "tap:desk*", Some(Verdict::Ok)),
            (&desk, false, "tap:desk0", Some(Verdict::Fail)),
            (&desk, true, "tap:lab0", Some(Verdict::Fail)),
            (&[], true, "passt", None),
        ] {
            let mut report = Report::default();
            report_tap(interfaces, nft, &[pool(network)], &mut report);
            assert_eq!(report.verdict_of("tap"), verdict, "{network}");
        }
    }
}
