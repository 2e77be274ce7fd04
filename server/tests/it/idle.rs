//! A session ends when nobody is there: keys, pointer and touch count, and what a page does by itself does not.

use crate::fixture::{House, desktop_of, unplug, until};
use crate::streams::{HELLO, next, open, send};
use oriel_auth::unix_now;
use oriel_server::config::Config;
use oriel_server::state::open_database;
use sqlx::SqlitePool;
use std::time::Duration;

async fn house_of_two_minutes() -> (House, SqlitePool) {
    let mut house = House::new("").await;
    house.config.login.idle_minutes = 2;
    let db = open_database(&house.state()).await.unwrap();
    (house, db)
}

/// Sets the last use of all sessions back.
async fn set_back(db: &SqlitePool, seconds: i64) {
    sqlx::query("UPDATE sessions SET last_seen_at = last_seen_at - ?")
        .bind(seconds)
        .execute(db)
        .await
        .unwrap();
}

/// Seconds since the last use of the one session.
async fn idle_for(db: &SqlitePool) -> i64 {
    let seen: i64 = sqlx::query_scalar("SELECT last_seen_at FROM sessions").fetch_one(db).await.unwrap();
    unix_now() - seen
}

#[tokio::test]
async fn an_open_page_and_its_requests_keep_no_session() {
    let (house, db) = house_of_two_minutes().await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    until(&ada, &desktop, "running").await;
    set_back(&db, 115).await;
    assert_eq!(ada.get("/api/session").await.status, 200);
    assert_eq!(ada.post(&format!("{desktop}/ticket"), r#"{"mode":"watch"}"#).await.status, 200);
    let closed = tokio::time::timeout(Duration::from_secs(30), next(&mut socket, 0x08)).await;
    let closed: serde_json::Value = serde_json::from_slice(&closed.expect("the end")[1..]).unwrap();
    assert_eq!(closed["code"], "forbidden");
    assert!(closed["text"].as_str().unwrap().contains("2 minutes"), "{closed}");
    assert_eq!(ada.get("/api/session").await.status, 401);
    // The desktop runs on.
    let ada = server.user("ada").await;
    assert_eq!(ada.get(&desktop).await.json()["state"], "running");
    unplug(&ada, &desktop).await;
    db.close().await;
    server.close().await;
}

#[tokio::test]
async fn a_key_and_the_page_s_own_report_are_activity_and_resizing_is_not() {
    let (house, db) = house_of_two_minutes().await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    set_back(&db, 60).await;
    let layout = [&[0x8D][..], br#"{"screens":[{"width":800,"height":600}]}"#].concat();
    for message in [&layout[..], &[0x94, 1], &[0x87, 1, 0, 0, 0], &[0x8A]] {
        send(&mut socket, message).await;
        assert_eq!(next(&mut socket, 0x07).await, [0x07, message[0]]);
    }
    assert!(idle_for(&db).await >= 60, "{}", idle_for(&db).await);
    send(&mut socket, &[0x83, 1, 0, 0, 0, 30, 0, 1]).await;
    next(&mut socket, 0x07).await;
    let recorded = async {
        while idle_for(&db).await >= 60 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), recorded).await.expect("the key counts");
    unplug(&ada, &desktop).await;

    // Someone who only watches is there too: the page says so.
    let left = |session: &serde_json::Value| session["lifetime"]["idle_left_s"].as_i64().unwrap();
    sqlx::query("DELETE FROM sessions").execute(&db).await.unwrap();
    let ada = server.user("ada").await;
    set_back(&db, 60).await;
    let before = left(&ada.get("/api/session").await.json());
    assert!((1..=60).contains(&before), "{before}");
    assert_eq!(ada.post("/api/activity", "").await.status, 204);
    let after = left(&ada.get("/api/session").await.json());
    assert!(after > 100, "{after}");
    db.close().await;
    server.close().await;
}

#[test]
fn sessions_end_after_half_an_hour_without_activity_and_after_a_working_day() {
    let login = Config::default().login;
    assert_eq!((login.idle_minutes, login.longest_hours), (30, 12));
}
