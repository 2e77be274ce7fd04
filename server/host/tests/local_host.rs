//! [`LocalHost`] through its trait: claims, records, and machines that speak another version.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use oriel_host::admission::ReserveSettings;
use oriel_host::client::FoundState;
use oriel_host::folder::HostDir;
use oriel_host::images::ImageStore;
use oriel_host::shut_down::{Outcome, shut_down_all};
use oriel_host::{
    DesktopError, DesktopId, DesktopSpec, DiskId, Epoch, Hold, HostClient, HostSettings, LocalHost, State,
    Status,
};
use oriel_vmm_api::ViewerMode;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

async fn host(root: &Path) -> LocalHost {
    let settings = HostSettings {
        stop_grace: Duration::from_secs(1),
        stop_grace_emulated: Duration::from_secs(1),
        reserve: ReserveSettings::default(),
    };
    let dir = HostDir::open(root).unwrap();
    let images = ImageStore::open(&dir).unwrap();
    LocalHost::open(settings, dir, images, "/nowhere/oriel-vmm".into(), Err("No control groups here.".into()))
        .await
        .unwrap()
}

fn id(text: &str) -> DesktopId {
    DesktopId::new(text).unwrap()
}

fn of_epoch(epoch: u64) -> Hold {
    Hold { epoch: Epoch(epoch), ..Hold::first(id("d1")) }
}

/// Waits until the desktop is as wanted.
async fn until(host: &LocalHost, wanted: impl Fn(&Status) -> bool) -> Status {
    let wait = async {
        loop {
            let now = host.watch().await.unwrap();
            if let Some((_, status)) = now.snapshot.into_iter().find(|(_, status)| wanted(status)) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the status in time")
}

#[tokio::test]
async fn orders_of_an_older_epoch_or_for_another_disk_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let first = host(root.path()).await;
    assert_eq!(first.start(&of_epoch(1)).await, Err(DesktopError::Unknown(id("d1"))));
    first.ensure(&of_epoch(1), DesktopSpec::new("small"), None).await.unwrap();
    first.stop(&of_epoch(1)).await.unwrap();
    // A newer epoch, which the host records with the first command that names it.
    first.ensure(&of_epoch(2), DesktopSpec::new("small"), None).await.unwrap();
    let stale = DesktopError::StaleEpoch { given: Epoch(1), recorded: Epoch(2) };
    for outcome in [
        first.ensure(&of_epoch(1), DesktopSpec::new("small"), None).await,
        first.start(&of_epoch(1)).await,
        first.stop(&of_epoch(1)).await,
        first.force_off(&of_epoch(1)).await,
        first.restart(&of_epoch(1)).await,
        first.reset(&of_epoch(1)).await,
        first.delete(&of_epoch(1)).await,
    ] {
        assert_eq!(outcome, Err(stale.clone()));
    }
    assert_eq!(first.open_viewer(&of_epoch(1), ViewerMode::Watch).await.err(), Some(stale.clone()));
    let other = Hold { disk: DiskId::new("other").unwrap(), ..of_epoch(2) };
    assert_eq!(first.stop(&other).await, Err(DesktopError::OtherDisk(id("d1"))));
    drop(first);

    // The next process on this folder knows it too, by the record.
    let next = host(root.path()).await;
    assert_eq!(next.stop(&of_epoch(1)).await, Err(stale));
    next.stop(&of_epoch(2)).await.unwrap();
    next.delete(&of_epoch(2)).await.unwrap();
    next.delete(&of_epoch(2)).await.unwrap();
    assert_eq!(std::fs::read_dir(root.path().join("desktops")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_ensured_again_is_not_written_again() {
    let root = tempfile::tempdir().unwrap();
    let host = host(root.path()).await;
    host.ensure(&of_epoch(1), DesktopSpec::new("small"), None).await.unwrap();
    let record = root.path().join("desktops/d1/desktop.json");
    let before = std::fs::read(&record).unwrap();
    host.ensure(&of_epoch(1), DesktopSpec::new("small"), None).await.unwrap();
    assert_eq!(std::fs::read(&record).unwrap(), before);
    host.ensure(&of_epoch(1), DesktopSpec { cpus: 3, ..DesktopSpec::new("small") }, None).await.unwrap();
    assert_ne!(std::fs::read(&record).unwrap(), before);
}

#[tokio::test]
async fn a_machine_of_an_unknown_control_version_is_left_running_and_can_be_forced_off() {
    let root = tempfile::tempdir().unwrap();
    let host = host(root.path()).await;
    let folder = root.path().join("desktops/d1");
    std::fs::create_dir_all(&folder).unwrap();
    // Stands for the machine's processes: a group of its own that holds the lock.
    let mut machine = Command::new("flock")
        .arg(folder.join("alive.lock"))
        .args(["sleep", "600"])
        .process_group(0)
        .spawn()
        .unwrap();
    // Answers as a machine did before the control messages had versions.
    let listener = UnixListener::bind(folder.join("vmm.sock")).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = (&stream).write_all(b"\"ok\"\n");
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let found = FoundState { state: State::Running, reason: None, since: 7, pid: Some(machine.id()) };
    host.ensure(&of_epoch(1), DesktopSpec::new("small"), Some(found)).await.unwrap();
    let status = until(&host, |status| status.reason.is_some()).await;
    assert_eq!((status.state, status.reachable), (State::Running, false));
    let reason = status.reason.unwrap();
    assert!(reason.contains("keeps running") && reason.contains("started anew"), "{reason}");
    assert!(matches!(host.stop(&of_epoch(1)).await, Err(DesktopError::Conflict(_))));
    assert!(matches!(host.reset(&of_epoch(1)).await, Err(DesktopError::Conflict(_))));
    assert!(machine.try_wait().unwrap().is_none(), "it was left running");
    host.force_off(&of_epoch(1)).await.unwrap();
    until(&host, |status| status.state == State::Stopped).await;
    assert!(!machine.wait().unwrap().success());
}

#[tokio::test]
async fn a_folder_that_was_put_back_keeps_its_claim() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = root.path().join("desktops/d1");
    host(elsewhere.path()).await.ensure(&of_epoch(3), DesktopSpec::new("small"), None).await.unwrap();
    let host = host(root.path()).await;
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(elsewhere.path().join("desktops/d1/desktop.json"), folder.join("desktop.json")).unwrap();

    let refused = host.ensure(&of_epoch(2), DesktopSpec::new("small"), None).await;
    assert!(matches!(refused, Err(DesktopError::StaleEpoch { .. })), "{refused:?}");
    host.ensure(&of_epoch(3), DesktopSpec::new("small"), None).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_desktops_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let root = tempfile::tempdir().unwrap();
    let dir = HostDir::open(root.path()).unwrap();
    std::fs::remove_dir(dir.desktops()).unwrap();
    std::fs::write(dir.desktops(), "no folder").unwrap();
    let settings = HostSettings {
        stop_grace: Duration::from_secs(1),
        stop_grace_emulated: Duration::from_secs(1),
        reserve: ReserveSettings::default(),
    };
    let images = ImageStore::open(&dir).unwrap();
    let opened =
        LocalHost::open(settings, dir, images, "/nowhere/oriel-vmm".into(), Err(String::new())).await;
    assert!(opened.is_err_and(|text| text.contains("cannot be read")));
}

/// Changes the record of the desktop `d1` as a text.
fn rewrite_record(root: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = root.join("desktops/d1/desktop.json");
    let mut record = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    std::fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
}

#[tokio::test]
async fn desktops_that_ran_when_the_host_went_down_are_stopped_and_say_why() {
    let root = tempfile::tempdir().unwrap();
    let first = host(root.path()).await;
    first.ensure(&of_epoch(1), DesktopSpec::new("small"), None).await.unwrap();
    drop(first);
    rewrite_record(root.path(), |record| {
        record["version"] = 2.into();
        record["state"] = "running".into();
        record["pid"] = 7.into();
        record["boot_id"] = "8c9bc0a5-0000-4000-8000-5a1f2f6f8e11".into();
    });
    let next = host(root.path()).await;
    let status = until(&next, |status| !status.state.is_up()).await;
    assert_eq!(status.state, State::Stopped);
    assert!(status.reason.unwrap().contains("host restarted"));
    drop(next);

    // In the same boot, a machine that is gone without a report has failed.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    rewrite_record(root.path(), |record| {
        record["state"] = "running".into();
        record["boot_id"] = boot.trim().into();
    });
    let status = until(&host(root.path()).await, |status| !status.state.is_up()).await;
    assert_eq!(status.state, State::Failed);
}

#[tokio::test]
async fn a_host_that_goes_down_asks_the_guests_first_and_then_stops_the_machines() {
    let root = tempfile::tempdir().unwrap();
    let dir = HostDir::open(root.path()).unwrap();
    let mut machines = Vec::new();
    // One shuts down when it is requested, one only stops, and one answers nobody.
    for (name, ends_on) in [("polite", Some(r#""shut_down""#)), ("deaf", Some(r#""stop""#)), ("lost", None)] {
        let folder = root.path().join("desktops").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = oriel_vmm_api::test_support::machine_config(&folder, "/kernel".into());
        config.stop_grace_s = 1;
        std::fs::write(folder.join("machine.json"), serde_json::to_vec(&config).unwrap()).unwrap();
        let lock = folder.join("alive.lock");
        let machine =
            Command::new("flock").arg(&lock).args(["sleep", "600"]).process_group(0).spawn().unwrap();
        let pid = machine.id();
        machines.push(machine);
        let Some(ends_on) = ends_on else { continue };
        let listener = UnixListener::bind(dir.desktop(&id(name)).socket()).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(&stream).lines();
                let _ = lines.next();
                let _ =
                    writeln!(&stream, r#"{{"accepted":{{"version":{}}}}}"#, oriel_vmm_api::CONTROL_VERSION);
                while let Some(Ok(line)) = lines.next() {
                    let request: serde_json::Value = serde_json::from_str(&line).unwrap();
                    let _ = writeln!(&stream, r#"{{"id":{},"done":null}}"#, request["id"]);
                    if line.contains(ends_on) {
                        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status();
                    }
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut outcomes = std::collections::HashMap::new();
    shut_down_all(&dir, |id, outcome| drop(outcomes.insert(id.to_string(), outcome))).await.unwrap();
    assert_eq!(outcomes["polite"], Outcome::ShutDown);
    assert_eq!(outcomes["deaf"], Outcome::Stopped(Duration::from_secs(1)));
    assert!(matches!(outcomes["lost"], Outcome::Running(_)));
    for mut machine in machines {
        let group = format!("-{}", machine.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = machine.wait();
    }
}
