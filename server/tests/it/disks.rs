//! A desktop's root disk: an overlay of its image's disk, and its fate when the image changes.

use crate::fixture::{House, desktop_of, unplug, until};
use oriel_host::images::ImageStore;
use oriel_vmm_api::{DiskFormat, MachineConfig};
use std::path::Path;

fn machine_of(house: &House, desktop: &str) -> MachineConfig {
    let id = desktop.rsplit('/').next().unwrap();
    let text = std::fs::read(house.desktop_dir(id).machine_config()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What qemu-img makes of an overlay and all that is below it.
fn flat(disk: &Path) -> Vec<u8> {
    let out = disk.with_extension("flat");
    let done = std::process::Command::new("qemu-img")
        .args(["convert", "-O", "raw"])
        .args([disk, &out])
        .status()
        .unwrap();
    assert!(done.success());
    std::fs::read(out).unwrap()
}

#[tokio::test]
async fn a_disk_is_a_layer_over_the_image_s_and_is_kept() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    ada.post(&format!("{desktop}/start"), "").await;
    until(&ada, &desktop, "running").await;
    let config = machine_of(&house, &desktop);
    let [disk] = &config.disks[..] else { panic!("{:?}", config.disks) };
    assert_eq!((disk.format, disk.read_only), (DiskFormat::Qcow2, false));
    let [below] = &disk.backing[..] else { panic!("{:?}", disk.backing) };
    assert_eq!((std::fs::read(&below.path).unwrap(), below.format), (b"a disk".to_vec(), DiskFormat::Raw));
    assert!(flat(&disk.path).starts_with(b"a disk"), "also for whoever follows the name in the header");
    unplug(&ada, &desktop).await;

    // Stands for what the guest wrote.
    let written = std::fs::read(&disk.path).unwrap();
    std::fs::write(&disk.path, [written.as_slice(), b"more"].concat()).unwrap();
    ada.post(&format!("{desktop}/start"), "").await;
    until(&ada, &desktop, "running").await;
    assert!(std::fs::read(&disk.path).unwrap().ends_with(b"more"), "kept over a restart");
    assert_eq!(machine_of(&house, &desktop).generation, config.generation);
    assert_eq!(machine_of(&house, &desktop).networks[0].mac, config.networks[0].mac);
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_desktop_stays_on_its_version_when_the_image_is_imported_anew() {
    let house = House::new("").await;
    let server = house.open().await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let (adas, eves) = (desktop_of(&ada).await, desktop_of(&eve).await);
    ada.post(&format!("{adas}/start"), "").await;
    until(&ada, &adas, "running").await;
    let first = machine_of(&house, &adas).disks[0].backing[0].path.clone();

    assert_eq!(house.import("", "another disk").await.version.version, 2);
    unplug(&ada, &adas).await;
    for (who, desktop, bytes) in [(&ada, &adas, "a disk"), (&eve, &eves, "another disk")] {
        who.post(&format!("{desktop}/start"), "").await;
        until(who, desktop, "running").await;
        let below = machine_of(&house, desktop).disks[0].backing[0].path.clone();
        assert_eq!(std::fs::read(below).unwrap(), bytes.as_bytes());
        unplug(who, desktop).await;
    }

    // Once nobody stands on the old version, it goes with the next change of the store.
    let id = adas.rsplit('/').next().unwrap();
    std::fs::remove_dir_all(house.desktop_dir(id).root()).unwrap();
    let store = ImageStore::open(house.state().host_dir()).unwrap();
    assert_eq!(store.versions("small").unwrap().len(), 2);
    let lock = store.lock().unwrap();
    store.collect(&lock).unwrap();
    assert_eq!(store.versions("small").unwrap().len(), 1);
    assert!(!first.exists());
    server.close().await;
}

#[tokio::test]
async fn a_desktop_with_a_whole_copy_of_its_image_keeps_it() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let folder = house.desktop_dir(desktop.rsplit('/').next().unwrap());
    std::fs::create_dir_all(folder.image()).unwrap();
    for (file, text) in [
        ("image.toml", "name = \"small\"\nkernel = \"k\"\ndisk = \"disk.raw\"\nruns_at = \"kernel\"\n"),
        ("k", "its own kernel"),
        ("disk.raw", "a root disk"),
    ] {
        std::fs::write(folder.image().join(file), text).unwrap();
    }
    ada.post(&format!("{desktop}/start"), "").await;
    until(&ada, &desktop, "running").await;
    let config = machine_of(&house, &desktop);
    assert_eq!(
        (&config.disks[0].path, config.disks[0].format),
        (&folder.image().join("disk.raw"), DiskFormat::Raw)
    );
    assert_eq!(config.boot.kernel, folder.image().join("k"));
    assert!(!folder.overlay().exists());
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_blob_that_is_gone_is_told_and_nothing_starts() {
    let house = House::new("").await;
    let blob = house.import("", "a disk").await.version.disk.unwrap().digest;
    std::fs::remove_file(ImageStore::open(house.state().host_dir()).unwrap().blob(&blob)).unwrap();
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let answer = ada.post(&format!("{desktop}/start"), "").await;
    assert_eq!(answer.status, 503);
    let text = answer.json()["error"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("damaged") && text.contains("import it again"), "{text}");
    // Importing the same again mends it.
    assert!(!house.import("", "a disk").await.new);
    assert_eq!(ada.post(&format!("{desktop}/start"), "").await.status, 202);
    until(&ada, &desktop, "running").await;
    unplug(&ada, &desktop).await;
    server.close().await;
}
