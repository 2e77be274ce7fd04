//! Rights that are taken away on the command line: what is open follows at once.

use crate::client::Socket;
use crate::command_line::ok;
use crate::fixture::{House, PASSWORD, Running, desktop_of, unplug, until};
use crate::streams::{HELLO, next, open, send};
use futures_util::StreamExt;
use oriel_server::desktops::DesktopTable;
use oriel_server::state::open_database;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// Long enough for a loaded machine, and shorter than any look at intervals.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a command beside the server.
async fn command(house: &House, arguments: &[&str]) -> String {
    let state = house.config.state_dir.clone();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
    let run = move || ok(&state, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), "");
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The text of the Closed message.
async fn closed(socket: &mut Socket) -> String {
    let message = tokio::time::timeout(PATIENCE, next(socket, 0x08)).await.expect("a close at once");
    let body: serde_json::Value = serde_json::from_slice(&message[1..]).unwrap();
    assert_eq!(body["code"], "forbidden");
    body["text"].as_str().unwrap().to_owned()
}

async fn with_stream() -> (House, Running, crate::client::Browser, String, Socket) {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    until(&ada, &desktop, "running").await;
    (house, server, ada, desktop, socket)
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_comes_back_when_enabled() {
    let (house, server, ada, desktop, mut socket) = with_stream().await;
    command(&house, &["user", "disable", "ada"]).await;
    assert!(closed(&mut socket).await.contains("disabled"));
    assert_eq!(ada.get("/api/session").await.status, 401);
    let wrong = server.stranger().login("ada", "wrong password").await;
    let right = server.stranger().login("ada", PASSWORD).await;
    assert_eq!((right.status, &right.body), (wrong.status, &wrong.body));
    assert!(command(&house, &["user", "list"]).await.contains("ada (disabled)"));
    command(&house, &["user", "enable", "ada"]).await;
    let ada = server.user("ada").await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let (house, server, ada, desktop, mut socket) = with_stream().await;
    assert!(command(&house, &["user", "sessions", "ada"]).await.contains("127.0.0.1"));
    command(&house, &["user", "sign-out", "ada"]).await;
    assert_eq!(closed(&mut socket).await, "You have been logged out.");
    assert_eq!(ada.get("/api/session").await.status, 401);
    assert_eq!(command(&house, &["user", "sessions", "ada"]).await, "");
    let ada = server.user("ada").await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_withdrawn_desktop_closes_and_leaves_the_list() {
    let (house, server, ada, desktop, mut socket) = with_stream().await;
    let mut events = ada.open("/api/events").await.unwrap();
    command(&house, &["pool", "withdraw", "desk", "ada"]).await;
    assert_eq!(closed(&mut socket).await, "Your access to this desktop was withdrawn.");
    let removed = async {
        loop {
            if let Message::Text(text) = events.next().await.unwrap().unwrap() {
                let news: serde_json::Value = serde_json::from_str(&text).unwrap();
                if let Some(id) = news["removed"].as_str() {
                    return id.to_owned();
                }
            }
        }
    };
    let removed = tokio::time::timeout(PATIENCE, removed).await.expect("the removal at once");
    assert!(desktop.ends_with(&removed));
    assert_eq!(ada.get("/api/desktops").await.json(), serde_json::json!([]));
    assert_eq!(ada.get(&desktop).await.status, 404);
    command(&house, &["pool", "entitle", "desk", "ada"]).await;
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_stricter_policy_holds_for_open_streams_and_is_told() {
    let (house, server, ada, desktop, mut socket) = with_stream().await;
    // The scripted machine sends what follows a Ping.
    send(&mut socket, &[&[0x89, 0x0A][..], br#"{"clipboard":true,"files":true}"#].concat()).await;
    next(&mut socket, 0x0A).await;
    command(&house, &["pool", "set", "desk", "--clipboard", "off", "--files", "off"]).await;
    let told = tokio::time::timeout(PATIENCE, next(&mut socket, 0x0A)).await.expect("the policy at once");
    let told: serde_json::Value = serde_json::from_slice(&told[1..]).unwrap();
    assert_eq!((&told["clipboard_policy"], &told["clipboard"]), (&"off".into(), &false.into()));
    // The machine answers what reaches it: the offer does not.
    send(&mut socket, &[&[0x8E][..], br#"{"types":["text/plain"]}"#].concat()).await;
    send(&mut socket, &[0x8A]).await;
    assert_eq!(next(&mut socket, 0x07).await, [0x07, 0x8A]);
    unplug(&ada, &desktop).await;
    server.close().await;
}

#[tokio::test]
async fn a_removed_user_s_desktops_are_stopped_and_deleted_by_the_server() {
    let (house, server, ada, desktop, mut socket) = with_stream().await;
    let id = desktop.rsplit('/').next().unwrap();
    assert!(house.desktop_dir(id).root().exists());
    let told = command(&house, &["user", "remove", "ada", "--with-desktops"]).await;
    assert!(told.contains("desk") && told.contains("deleted"), "{told}");
    closed(&mut socket).await;
    let gone = async {
        while house.desktop_dir(id).root().exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the folder goes");
    assert_eq!(ada.get("/api/session").await.status, 401);
    assert_eq!(command(&house, &["user", "list"]).await, "eve\nroot (administrator)\n");
    server.close().await;
    // Nothing is left to be done at the next start.
    let db = open_database(&house.state()).await.unwrap();
    assert!(DesktopTable::new(db.clone()).all().await.unwrap().iter().all(|record| record.id != id));
    db.close().await;
}

#[tokio::test]
async fn a_removal_that_the_server_did_not_finish_is_finished_at_its_next_start() {
    let house = House::new("").await;
    let server = house.open().await;
    let eve = server.user("eve").await;
    let desktop = desktop_of(&eve).await;
    eve.post(&format!("{desktop}/start"), "").await;
    until(&eve, &desktop, "running").await;
    let id = desktop.rsplit('/').next().unwrap();
    let db = open_database(&house.state()).await.unwrap();
    server.close().await;
    sqlx::query("UPDATE users SET deleted_at = 1 WHERE name = 'eve'").execute(&db).await.unwrap();
    db.close().await;
    let server = house.open().await;
    let gone = async {
        while house.desktop_dir(id).root().exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the folder goes");
    server.close().await;
}
