//! State folders that earlier versions left are opened, and those of later ones are not.

use crate::client::Browser;
use crate::command_line::{ok, refused};
use crate::fixture::{House, Running, unplug, until};
use oriel_server::serve::serve;
use oriel_server::state::open_database;
use oriel_vmm_api::{DiskFormat, MachineConfig};
use serde_json::Value;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// See `tests/fixtures/state-0.1.0/README.md`.
const OFFICE: &str = "/api/desktops/61982c35295f6afe6111247a01d1cf31";
const LAB: &str = "/api/desktops/bca02ba9c3b7a3b95c38376fd1ac72d9";
const ARCHIVE: &str = "fixtures/state-0.1.0/state.tar.gz";

fn opened() -> House {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(ARCHIVE);
    House::of_archive(&archive)
}

async fn ada_and_eve(server: &Running) -> (Browser, Browser) {
    let ada = server.stranger().logged_in("ada", "correct horse").await;
    (ada, server.stranger().logged_in("eve", "battery staple").await)
}

fn machine_config(house: &House, desktop: &str) -> MachineConfig {
    let id = desktop.rsplit('/').next().unwrap();
    let text = std::fs::read(house.desktop_dir(id).machine_config()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn a_state_folder_of_0_1_0_has_its_users_pools_and_desktops() {
    let house = opened();
    let state = house.state().root().to_owned();
    assert_eq!(ok(&state, &["user", "list"], ""), "ada (administrator)\neve\n");
    let pools = ok(&state, &["pool", "list"], "");
    assert_eq!(pools.lines().count(), 2, "{pools}");
    let lab = ok(&state, &["pool", "show", "lab"], "");
    for line in ["machine: kvm", "disk-iops: 500", "network-mbit-s: 8", "clipboard: to-desktop", "files: off"]
    {
        assert!(lab.lines().any(|shown| shown == line), "{line}: {lab}");
    }
    assert!(ok(&state, &["image", "list"], "").contains("1 desktops on it"));

    let server = house.open().await;
    let (ada, eve) = ada_and_eve(&server).await;
    let ids = |desktops: Value| -> Vec<String> {
        desktops.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        ids(ada.get("/api/desktops").await.json()),
        ["bca02ba9c3b7a3b95c38376fd1ac72d9", "61982c35295f6afe6111247a01d1cf31"]
    );
    assert_eq!(ids(eve.get("/api/desktops").await.json()), ["e9438179378a64ddb9d3f605463eee12"]);
    let settings = ada.get("/api/session").await.json()["settings"].clone();
    assert_eq!((&settings["layout"], &settings["theme"]), (&"de".into(), &"dark".into()));
    server.close().await;

    let db = open_database(&house.state()).await.unwrap();
    let log = oriel_auth::AuditLog::open(db.clone(), house.state().root()).await.unwrap();
    let verified = log.verify().await.unwrap().unwrap();
    assert!(verified.unkeyed > 0 && verified.lines > verified.unkeyed, "{verified:?}");
    let broken: Vec<(String,)> =
        sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check").fetch_all(&db).await.unwrap();
    assert_eq!(broken, []);
    db.close().await;
}

#[tokio::test]
async fn a_desktop_of_0_1_0_keeps_its_disk() {
    let house = opened();
    let folder = house.desktop_dir("61982c35295f6afe6111247a01d1cf31");
    let generation = std::fs::read_to_string(folder.generation()).unwrap();
    let overlay = std::fs::read(folder.overlay()).unwrap();
    let server = house.open().await;
    let (ada, _) = ada_and_eve(&server).await;
    assert_eq!(ada.post(&format!("{OFFICE}/start"), "").await.status, 202);
    until(&ada, OFFICE, "running").await;
    let config = machine_config(&house, OFFICE);
    let [disk] = &config.disks[..] else { panic!("{:?}", config.disks) };
    assert_eq!((&disk.path, disk.format), (&folder.overlay(), DiskFormat::Qcow2));
    assert!(std::fs::read(&disk.backing[0].path).unwrap().starts_with(b"a disk"));
    assert_eq!(config.generation.as_deref(), Some(generation.trim()));
    assert_eq!(std::fs::read(&disk.path).unwrap(), overlay);
    unplug(&ada, OFFICE).await;
    // One that had no disk yet gets one.
    assert_eq!(ada.post(&format!("{LAB}/start"), "").await.status, 202);
    until(&ada, LAB, "running").await;
    assert_eq!(machine_config(&house, LAB).disks.len(), 1);
    unplug(&ada, LAB).await;
    server.close().await;
}

#[tokio::test]
async fn a_state_folder_of_a_later_version_is_refused_with_the_reason() {
    let house = opened();
    let db = open_database(&house.state()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', 1, x'00', 0)",
    )
    .execute(&db)
    .await
    .unwrap();
    db.close().await;
    let text = serve(house.config.clone(), CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(text.contains("newer version of Oriel") && text.contains("install"), "{text}");
    let told = refused(house.state().root(), &["user", "list"], "");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("newer version of Oriel"), "{told}");
}
