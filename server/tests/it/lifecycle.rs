//! A desktop's life, with machines that behave and machines that do not.

use crate::client::Browser;
use crate::fixture::{House, Running, desktop_of, unplug, until};
use oriel_host::admission::HostSize;

async fn started(behaviour: &str) -> (House, Running, Browser, String) {
    let house = House::new(behaviour).await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    assert_eq!(ada.post(&format!("{desktop}/start"), "").await.status, 202);
    until(&ada, &desktop, "running").await;
    (house, server, ada, desktop)
}

#[tokio::test]
async fn a_desktop_starts_once_and_shuts_down_by_its_power_button() {
    let (house, server, ada, desktop) = started("").await;
    let pid = house.recorded_pid().await;
    assert!(pid.is_some());
    assert_eq!(ada.post(&format!("{desktop}/start"), "").await.status, 202);
    assert_eq!(house.recorded_pid().await, pid, "starting what runs changes nothing");
    assert_eq!(ada.post(&format!("{desktop}/stop"), "").await.status, 202);
    let stopped = until(&ada, &desktop, "stopped").await;
    assert_eq!(stopped["reason"], serde_json::Value::Null);
    server.close().await;
}

#[tokio::test]
async fn a_guest_that_ignores_the_power_button_loses_the_plug() {
    let (_house, server, ada, desktop) = started("ignores-power").await;
    ada.post(&format!("{desktop}/stop"), "").await;
    until(&ada, &desktop, "stopped").await;
    server.close().await;
}

#[tokio::test]
async fn a_crash_is_told_with_its_reason_and_the_desktop_starts_again() {
    for (behaviour, reason) in [
        ("crashes-on-reset", "The guest's processor gave up."),
        ("vanishes-on-reset", "ended without saying why"),
    ] {
        let (_house, server, ada, desktop) = started(behaviour).await;
        ada.post(&format!("{desktop}/reset"), "").await;
        let failed = until(&ada, &desktop, "failed").await;
        assert!(failed["reason"].as_str().unwrap().contains(reason), "{failed}");
        ada.post(&format!("{desktop}/start"), "").await;
        until(&ada, &desktop, "running").await;
        unplug(&ada, &desktop).await;
        server.close().await;
    }
}

#[tokio::test]
async fn restart_is_a_new_machine_and_reset_is_not() {
    let (house, server, ada, desktop) = started("").await;
    let first = house.recorded_pid().await;
    assert_eq!(ada.post(&format!("{desktop}/reset"), "").await.status, 202);
    assert_eq!(house.recorded_pid().await, first);
    assert_eq!(ada.post(&format!("{desktop}/restart"), "").await.status, 202);
    let wait = async {
        loop {
            let now = house.recorded_pid().await;
            if now.is_some() && now != first {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), wait).await.expect("a new machine");
    until(&ada, &desktop, "running").await;
    unplug(&ada, &desktop).await;
    assert_eq!(ada.post(&format!("{desktop}/reset"), "").await.code(), "conflict");
    server.close().await;
}

#[tokio::test]
async fn a_machine_that_never_answers_can_be_called_off() {
    let house = House::new("never-answers").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    ada.post(&format!("{desktop}/start"), "").await;
    assert_eq!(until(&ada, &desktop, "starting").await["state"], "starting");
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn desktops_outlive_the_server_and_are_adopted_by_the_next() {
    let (house, server, _, desktop) = started("").await;
    let pid = house.recorded_pid().await;
    server.close().await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let running = until(&ada, &desktop, "running").await;
    assert_eq!(running["screen"]["height"], 1080);
    assert_eq!(house.recorded_pid().await, pid);
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn what_happened_while_no_server_ran_is_found_out() {
    let (house, server, _, desktop) = started("").await;
    let pid = house.recorded_pid().await.unwrap();
    server.close().await;
    let group = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let server = house.open().await;
    let ada = server.user("ada").await;
    let failed = until(&ada, &desktop, "failed").await;
    assert!(failed["reason"].as_str().unwrap().contains("without saying why"));
    server.close().await;
}

#[tokio::test]
async fn a_host_without_enough_memory_says_so_and_starts_nothing() {
    let mut house = House::new("").await;
    house.config.desktops.host_reserve_mib = Some(u32::MAX);
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let answer = ada.post(&format!("{desktop}/start"), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert!(answer.json()["error"]["text"].as_str().unwrap().contains("memory"));
    assert_eq!(ada.get(&desktop).await.json()["state"], "stopped");
    server.close().await;
}

#[tokio::test]
async fn a_host_whose_processors_are_all_given_out_says_so() {
    let mut house = House::new("").await;
    // One virtual processor for all.
    house.config.desktops.host_reserve_cpus = Some(HostSize::of_this_host().cpus - 1);
    house.config.desktops.cpu_overcommit = 1;
    let server = house.open().await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let (adas, eves) = (desktop_of(&ada).await, desktop_of(&eve).await);
    assert_eq!(ada.post(&format!("{adas}/start"), "").await.status, 202);
    until(&ada, &adas, "running").await;
    let answer = eve.post(&format!("{eves}/start"), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert!(answer.json()["error"]["text"].as_str().unwrap().contains("1 of the 1 virtual processors"));
    unplug(&ada, &adas).await;
    assert_eq!(eve.post(&format!("{eves}/start"), "").await.status, 202);
    until(&eve, &eves, "running").await;
    unplug(&eve, &eves).await;
    server.close().await;
}

#[tokio::test]
async fn an_image_that_is_gone_says_so() {
    let house = House::new("").await;
    std::fs::remove_dir_all(house.state().host_dir().images().join("versions/small")).unwrap();
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let answer = ada.post(&format!("{desktop}/start"), "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.json()["error"]["text"].as_str().unwrap().contains("oriel image list"));
    server.close().await;
}

#[tokio::test]
async fn a_desktop_that_waits_for_room_on_the_disk_says_so_until_there_is_some() {
    let (_house, server, ada, desktop) = started("fills-the-disk-on-reset").await;
    assert_eq!(ada.get(&desktop).await.json()["waiting_for_disk"], false);
    for waits in [true, false] {
        assert_eq!(ada.post(&format!("{desktop}/reset"), "").await.status, 202);
        let shown = async {
            while ada.get(&desktop).await.json()["waiting_for_disk"] != waits {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), shown).await.expect("the page is told");
        let metrics = server.metrics().await;
        let line = format!("\noriel_desktops_waiting_for_disk {}\n", u8::from(waits));
        assert!(metrics.contains(&line), "{metrics}");
        assert_eq!(ada.get(&desktop).await.json()["state"], "running");
    }
    unplug(&ada, &desktop).await;
    server.close().await;
}
