//! A disk that desktops have filled.

use crate::fixture::{House, PASSWORD, desktop_of, until};
use oriel_server::state::open_database;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Enough for a desktop to be admitted.
const SIZE: &std::ffi::CStr = c"size=420m";

/// File system of limited size that only this thread and those that it starts see.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
        mount("tmpfs", at, "tmpfs", MountFlags::empty(), SIZE).unwrap();
        Self(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// Writes a file until the disk has not one byte left.
fn fill(disk: &Path) {
    let mut filler = std::fs::File::create(disk.join("filler")).unwrap();
    let chunk = vec![0; 1 << 20];
    while filler.write_all(&chunk).is_ok() {}
    while filler.write_all(&[0]).is_ok() {}
}

async fn nobody_is_kept_out() {
    let mut disk = None;
    let house = House::prepared("", |dir| disk = Some(SmallDisk::mount(dir))).await;
    let _disk = disk.unwrap();
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    assert_eq!(ada.post(&format!("{desktop}/start"), "").await.status, 202);
    until(&ada, &desktop, "running").await;
    // The server takes its reserve beside its work.
    let reserve = async || {
        let metrics = server.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("oriel_database_reserve_bytes "));
        line.and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or_default()
    };
    for _ in 0..200 {
        if reserve().await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fill(house.path());
    for name in ["eve", "root", "eve", "ada"] {
        let answer = server.stranger().login(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{name}: {:?}", answer.json());
    }
    let eve = server.user("eve").await;
    let eves = desktop_of(&eve).await;
    assert_eq!(eve.post(&format!("{eves}/start"), "").await.code(), "no_room");
    assert_eq!(ada.post(&format!("{desktop}/stop"), r#"{"force":true}"#).await.status, 202);
    until(&ada, &desktop, "stopped").await;
    server.close().await;
    // On the disk that is still full, the next server starts, too.
    let server = house.open().await;
    let eve = server.user("eve").await;
    assert_eq!(eve.get("/api/desktops").await.status, 200);
    std::fs::remove_file(house.path().join("filler")).unwrap();
    server.close().await;
    let db = open_database(&house.state()).await.unwrap();
    let logins: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'login'").fetch_one(&db).await.unwrap();
    let stops: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'desktop.unplug'")
        .fetch_one(&db)
        .await
        .unwrap();
    // Of the stop, the intent and the outcome.
    assert_eq!((logins, stops), (7, 2));
    db.close().await;
}

#[test]
fn a_full_disk_keeps_nobody_from_logging_in_and_stopping_a_desktop() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root may mount a file system");
    }
    let test = || {
        // SAFETY: the mount namespace alone; no descriptor is shared or closed.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(nobody_is_kept_out());
    };
    std::thread::spawn(test).join().unwrap();
}
