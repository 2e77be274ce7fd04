//! What was done is on record: also when the one who did it hangs up, and nothing is done that cannot be
//! recorded.

use crate::client::Browser;
use crate::command_line::{ok, oriel, refused};
use crate::fixture::{House, desktop_of, unplug, until};
use crate::streams::{HELLO, next, open, send};
use oriel_server::pools::{RedirectionPolicy, TransferPolicy};
use oriel_server::state::open_database;
use sqlx::SqlitePool;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Action, subject and detail of every line.
async fn lines(db: &SqlitePool) -> Vec<(String, String, String)> {
    sqlx::query_as("SELECT action, subject, detail FROM audit ORDER BY seq").fetch_all(db).await.unwrap()
}

/// Waits until a line fulfils a condition.
async fn until_line(db: &SqlitePool, what: &str, fits: impl Fn(&str, &str) -> bool) {
    let wait = async {
        while !lines(db).await.iter().any(|(action, _, detail)| fits(action, detail)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(15), wait).await.is_err() {
        panic!("no line of {what}: {:#?}", lines(db).await);
    }
}

/// Sends a POST and hangs up before the answer.
async fn post_and_hang_up(browser: &Browser, path: &str) {
    let mut stream = TcpStream::connect(browser.address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\nx-oriel-csrf: {}\r\ncontent-length: 0\r\n\r\n",
        browser.host,
        browser.origin.as_deref().unwrap(),
        browser.cookie.as_deref().unwrap(),
        browser.csrf.as_deref().unwrap()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test]
async fn hanging_up_loses_no_line() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let db = open_database(&house.state()).await.unwrap();
    // Another writer holds everything up, so that the client is gone before anything can be recorded.
    let writing = db.begin_with("BEGIN IMMEDIATE").await.unwrap();
    post_and_hang_up(&ada, &format!("{desktop}/start")).await;
    writing.commit().await.unwrap();
    until(&ada, &desktop, "running").await;
    until_line(&db, "desktop.start", |action, _| action == "desktop.start").await;
    unplug(&ada, &desktop).await;
    db.close().await;
    server.close().await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_except_stopping_and_logging_out() {
    let house = House::new("").await;
    let server = house.open().await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let (desktop, eves) = (desktop_of(&ada).await, desktop_of(&eve).await);
    assert_eq!(eve.post(&format!("{eves}/start"), "").await.status, 202);
    until(&eve, &eves, "running").await;
    let db = open_database(&house.state()).await.unwrap();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .execute(&db)
        .await
        .unwrap();
    let start = ada.post(&format!("{desktop}/start"), "").await;
    assert!(start.status >= 500, "{}", start.status);
    assert_eq!(ada.get(&desktop).await.json()["state"], "stopped");
    assert!(ada.post(&format!("{desktop}/ticket"), r#"{"mode":"watch"}"#).await.status >= 500);
    assert!(server.stranger().login("ada", crate::fixture::PASSWORD).await.status >= 500);

    assert_eq!(eve.post(&format!("{eves}/stop"), r#"{"force":true}"#).await.status, 202);
    until(&eve, &eves, "stopped").await;
    assert_eq!(eve.post("/api/logout", "").await.status, 204);
    assert_eq!(eve.get("/api/session").await.status, 401);
    db.close().await;
    server.close().await;
}

#[tokio::test]
async fn streams_transfers_and_refusals_are_recorded_without_contents() {
    let house = House::new("").await;
    house
        .set_redirection(RedirectionPolicy {
            clipboard: TransferPolicy::ToDesktop,
            files: TransferPolicy::ToDesktop,
        })
        .await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let db = open_database(&house.state()).await.unwrap();
    let mut socket = open(&ada, &desktop, "interact").await;
    send(&mut socket, HELLO).await;
    next(&mut socket, 0x01).await;
    until_line(&db, "the opening", |action, _| action == "stream.open").await;
    // A file of 5 bytes, and clipboard contents of 6.
    send(&mut socket, &[&[0x91, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0][..], b"plan.pdf"].concat()).await;
    send(&mut socket, &[&[0x92, 1, 0, 0, 0][..], b"12345"].concat()).await;
    send(&mut socket, &[&[0x90, 1, 0, 0, 0, 1][..], b"secret"].concat()).await;
    // The pool lets nothing come back, however often it is asked for.
    for _ in 0..2000 {
        send(&mut socket, &[&[0x8F, 2, 0, 0, 0][..], b"text/plain"].concat()).await;
    }
    // The machine answers what comes after all of that.
    send(&mut socket, &[0x8A]).await;
    while next(&mut socket, 0x07).await != [0x07, 0x8A] {}
    until_line(&db, "the file", |action, detail| {
        action == "file.to-desktop" && detail.contains("plan.pdf") && detail.contains("5 bytes")
    })
    .await;
    unplug(&ada, &desktop).await;
    next(&mut socket, 0x08).await;
    until_line(&db, "the clipboard", |action, detail| {
        action == "clipboard.to-desktop" && detail.contains("6 bytes")
    })
    .await;
    until_line(&db, "the close", |action, _| action == "stream.close").await;
    let all = lines(&db).await;
    let refused: Vec<_> = all.iter().filter(|(action, ..)| action == "clipboard.refused").collect();
    assert!((1..=3).contains(&refused.len()), "{refused:?}");
    assert!(all.len() < 40, "{} lines", all.len());
    assert!(!all.iter().any(|(_, _, detail)| detail.contains("secret") || detail.contains("12345")));
    db.close().await;
    server.close().await;
}

#[tokio::test]
async fn a_cut_or_changed_line_is_found_by_its_number() {
    for (tampering, number) in [
        ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", "line 7"),
        ("DELETE FROM audit", "line "),
        ("UPDATE audit SET subject = 'bob' WHERE subject = 'ben'", "line "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        for name in ["ada", "ben", "cleo"] {
            ok(state, &["user", "add", name, "--generate"], "");
        }
        let whole = ok(state, &["audit", "verify"], "");
        assert!(whole.contains("7 lines"), "{whole}");
        let db = open_database(&oriel_server::state::StateDir::open(state).unwrap()).await.unwrap();
        sqlx::query(tampering).execute(&db).await.unwrap();
        db.close().await;
        let output = oriel(state, &["audit", "verify"], "");
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(number), "{tampering}: {text}");
    }
}

#[test]
fn lines_are_listed_by_user_action_and_time_and_exported_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path();
    ok(state, &["user", "add", "ada", "--generate"], "");
    ok(state, &["user", "passwd", "ada", "--generate"], "");
    let all = ok(state, &["audit", "list"], "");
    assert!(all.contains("user.add") && all.contains("user.password"), "{all}");
    let some = ok(state, &["audit", "list", "--action", "user.add", "--user", "ada", "--since", "1h"], "");
    assert!(some.contains("user.add") && !some.contains("user.password"), "{some}");
    assert_eq!(ok(state, &["audit", "list", "--since", "2199-01-01"], ""), "");
    assert!(refused(state, &["audit", "list", "--since", "yesterday"], "").contains("yesterday"));
    for line in ok(state, &["audit", "export"], "").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["seq"].is_i64() && line["at"].is_string() && line["action"].is_string(), "{line}");
    }
}
