//! The way from a browser to a desktop.

use crate::client::{Browser, Socket};
use crate::fixture::{House, Running, desktop_of, unplug, until};
use futures_util::{SinkExt, StreamExt};
use oriel_host::schedule::{CGROUP_MOUNT, check_cgroups};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

pub const HELLO: &[u8] = b"\x81{\"versions\":[1],\"h264\":true,\"video_only\":false}";
const PATIENCE: Duration = Duration::from_secs(60);

async fn ticket(browser: &Browser, desktop: &str, mode: &str) -> String {
    let answer = browser.post(&format!("{desktop}/ticket"), &format!(r#"{{"mode":"{mode}"}}"#)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    assert_eq!(answer.json()["expires_in_s"], 30);
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

pub async fn open(browser: &Browser, desktop: &str, mode: &str) -> Socket {
    let ticket = ticket(browser, desktop, mode).await;
    browser.open(&format!("{desktop}/stream?ticket={ticket}")).await.unwrap()
}

/// The next message of the given type.
pub async fn next(socket: &mut Socket, kind: u8) -> Vec<u8> {
    let wait = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Binary(bytes))) if bytes[0] == kind => return bytes.to_vec(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => panic!("the stream ended before {kind:#x}"),
                Some(Ok(_)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a message in time")
}

pub async fn send(socket: &mut Socket, bytes: &[u8]) {
    socket.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
}

async fn close_code(socket: &mut Socket) -> u16 {
    let wait = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a close in time")
}

async fn house_and_ada(behaviour: &str) -> (House, Running, Browser, String) {
    let house = House::new(behaviour).await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    (house, server, ada, desktop)
}

#[tokio::test]
async fn a_stream_starts_the_desktop_and_relays_both_ways() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    // Said before there is a machine, and kept for it.
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    send(&mut socket, &[0x83, 1, 0, 0, 0, 30, 0, 1]).await;
    assert_eq!(next(&mut socket, 0x07).await, [0x07, 0x83]);
    // A machine can be watched while it still starts.
    let now = until(&ada, &desktop, "running").await;
    assert_eq!(now["viewers"], 1);
    assert_eq!(now["screen"]["width"], 1920);
    unplug(&ada, &desktop).await;
    let closed = next(&mut socket, 0x08).await;
    assert!(String::from_utf8_lossy(&closed).contains("\"code\":\"stopped\""));
    server.close().await;
}

/// The nice value of the desktop's machine.
async fn nice(house: &House) -> i32 {
    let pid = house.recorded_pid().await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(16).unwrap().parse().unwrap()
}

async fn until_nice(house: &House, wanted: i32) {
    let weighed = async {
        while nice(house).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, weighed).await.expect("the machine's weight in time");
}

#[tokio::test]
async fn a_desktop_that_is_worked_with_comes_before_one_that_nobody_sees() {
    let (house, server, ada, desktop) = house_and_ada("").await;
    ada.post(&format!("{desktop}/start"), "").await;
    until(&ada, &desktop, "running").await;
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    if check_cgroups(CGROUP_MOUNT.as_ref(), &own).is_ok() {
        // Control groups are how it is weighed there; they have a test of their own.
        unplug(&ada, &desktop).await;
        return server.close().await;
    }
    until_nice(&house, 10).await;
    // Only root gives back what was taken.
    if rustix::process::geteuid().is_root() {
        let mut socket = open(&ada, &desktop, "interact").await;
        send(&mut socket, HELLO).await;
        until_nice(&house, 0).await;
        let metrics = server.metrics().await;
        assert!(metrics.contains("oriel_desktops_up{priority=\"used\"} 1"), "{metrics}");
        drop(socket);
        until_nice(&house, 10).await;
    }
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn those_who_watch_cannot_act() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let mut socket = open(&ada, &desktop, "watch").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    for input in [0x83, 0x84, 0x85, 0x86, 0x87, 0x8C] {
        send(&mut socket, &[input, 1, 0, 0, 0, 0, 0, 0, 0]).await;
    }
    send(&mut socket, &[0x8A]).await;
    // The machine answers every message that reaches it; the first one is the last that was sent.
    assert_eq!(next(&mut socket, 0x07).await, [0x07, 0x8A]);
    let metrics = server.metrics().await;
    assert!(metrics.contains("oriel_stream_inputs_dropped_total 6"), "{metrics}");
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn without_its_own_fresh_ticket_nothing_opens_and_nothing_starts() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let eve = server.user("eve").await;
    let eves = desktop_of(&eve).await;
    let stream = |desktop: &str, ticket: &str| format!("{desktop}/stream?ticket={ticket}");

    assert_eq!(ada.open(&format!("{desktop}/stream")).await.err(), Some(403), "none");
    assert_eq!(ada.open(&stream(&desktop, "nonsense")).await.err(), Some(403), "nonsense");
    let of_eve = ticket(&eve, &eves, "interact").await;
    assert_eq!(ada.open(&stream(&desktop, &of_eve)).await.err(), Some(403), "another user's");
    assert_eq!(eve.open(&stream(&eves, &of_eve)).await.err(), Some(403), "burnt by being stolen");
    let of_ada = ticket(&ada, &desktop, "interact").await;
    let other_session = server.user("ada").await;
    assert_eq!(other_session.open(&stream(&desktop, &of_ada)).await.err(), Some(403), "another session's");
    let of_ada = ticket(&ada, &desktop, "interact").await;
    let foreign = Browser { origin: Some("https://evil.example".into()), ..ada.clone() };
    assert_eq!(foreign.open(&stream(&desktop, &of_ada)).await.err(), Some(403), "a foreign page's");
    let stranger = server.stranger();
    assert_eq!(stranger.open(&stream(&desktop, &of_ada)).await.err(), Some(401), "without a session");
    assert_eq!(ada.get(&desktop).await.json()["state"], "stopped");

    // Those refused before the ticket was looked at have not used it up; using it does.
    let mut socket = ada.open(&stream(&desktop, &of_ada)).await.unwrap();
    assert_eq!(ada.open(&stream(&desktop, &of_ada)).await.err(), Some(403), "used");
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn logout_closes_the_user_s_streams() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    ada.post("/api/logout", "").await;
    let closed = next(&mut socket, 0x08).await;
    assert!(String::from_utf8_lossy(&closed).contains("\"code\":\"forbidden\""));
    let ada = server.user("ada").await;
    until(&ada, &desktop, "running").await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_text_message_is_malformed() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    let closed = next(&mut socket, 0x08).await;
    assert!(String::from_utf8_lossy(&closed).contains("\"code\":\"malformed\""));
    until(&ada, &desktop, "running").await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_desktop_that_does_not_start_says_why() {
    let (_house, server, ada, desktop) = house_and_ada("fails-to-start").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    let closed = next(&mut socket, 0x08).await;
    assert_eq!(&closed[1..], br#"{"code":"stopped","text":"The kernel is no kernel."}"#);
    server.close().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_its_viewers_away_for_a_moment_only() {
    let (house, server, ada, desktop) = house_and_ada("").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    server.close().await;
    assert_eq!(close_code(&mut socket).await, 1001);
    let server = house.open().await;
    let ada = server.user("ada").await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn events_tell_all_desktops_at_first_and_then_what_changed() {
    let (_house, server, ada, desktop) = house_and_ada("").await;
    let mut events = ada.open("/api/events").await.unwrap();
    let mut states = Vec::new();
    ada.post(&format!("{desktop}/start"), "").await;
    while states.last().map(String::as_str) != Some("running") {
        let message = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = message {
            let news: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(desktop.ends_with(news["desktop"]["id"].as_str().unwrap()));
            states.push(news["desktop"]["state"].as_str().unwrap().to_owned());
        }
    }
    // A state that lasts less than the interval between two messages may be left out: this machine starts at once.
    states.dedup();
    assert!(states.len() >= 2 && states.iter().all(|state| state != "failed"), "{states:?}");
    unplug(&ada, &desktop).await;
    server.close().await;
}
