//! Coming in, going out, and one's own affairs.

use crate::client::Browser;
use crate::fixture::{House, PASSWORD};
use serde_json::json;

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let house = House::new("").await;
    let server = house.open().await;
    let wrong = server.stranger().login("ada", "wrong password").await;
    let unknown = server.stranger().login("nobody", "wrong password").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "login_failed"));
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    let names = |answer: &crate::client::Answer| {
        answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&wrong), names(&unknown));
    server.close().await;
}

#[tokio::test]
async fn repetition_is_slowed_down_and_told_how_long() {
    let house = House::new("").await;
    let server = house.open().await;
    for name in ["ada", "nobody"] {
        let mut last = server.stranger().login(name, "wrong password").await;
        for _ in 0..6 {
            last = server.stranger().login(name, "wrong password").await;
        }
        assert_eq!((last.status, last.code().as_str()), (429, "slow_down"), "{name}");
        assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    }
    // Others are not held up.
    assert_eq!(server.stranger().login("eve", PASSWORD).await.status, 200);
    server.close().await;
}

#[tokio::test]
async fn the_session_s_cookie_is_hidden_from_scripts_and_other_sites() {
    let house = House::new("").await;
    let server = house.open().await;
    let answer = server.stranger().login("Ada", PASSWORD).await;
    assert_eq!(answer.json()["state"], "in");
    assert_eq!(answer.json()["session"]["user"]["name"], "ada");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    server.close().await;
}

#[tokio::test]
async fn after_logout_the_cookie_opens_nothing() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let elsewhere = server.user("ada").await;
    assert_eq!(ada.get("/api/session").await.status, 200);
    assert_eq!(ada.post("/api/logout", "").await.status, 204);
    assert_eq!(ada.get("/api/session").await.status, 401);
    assert_eq!(elsewhere.get("/api/session").await.status, 200);
    server.close().await;
}

#[tokio::test]
async fn sessions_outlive_a_restart_of_the_server() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    server.close().await;
    let server = house.open().await;
    let again = Browser { address: server.address, host: server.address.to_string(), ..ada };
    assert_eq!(again.get("/api/session").await.status, 200);
    server.close().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let house = House::new("").await;
    let server = house.open().await;
    let here = server.user("ada").await;
    let elsewhere = server.user("ada").await;
    let change = |old: &str, new: &str| json!({ "old": old, "new": new }).to_string();
    assert_eq!(here.post("/api/password", &change("wrong password", "another password")).await.status, 403);
    assert_eq!(here.post("/api/password", &change(PASSWORD, "short")).await.status, 400);
    assert_eq!(elsewhere.get("/api/session").await.status, 200);
    assert_eq!(here.post("/api/password", &change(PASSWORD, "another password")).await.status, 204);
    assert_eq!(here.get("/api/session").await.status, 200);
    assert_eq!(elsewhere.get("/api/session").await.status, 401);
    assert_eq!(server.stranger().login("ada", PASSWORD).await.status, 401);
    server.close().await;
}

#[tokio::test]
async fn settings_are_kept_and_bad_ones_refused() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let before = ada.get("/api/session").await.json()["settings"].clone();
    assert_eq!(before["layout"], "us");
    let mut settings = before.clone();
    settings["layout"] = json!("de");
    settings["video_only"] = json!(true);
    assert_eq!(ada.send("PUT", "/api/settings", &settings.to_string()).await.status, 200);
    assert_eq!(ada.get("/api/session").await.json()["settings"], settings);
    assert_eq!(ada.get("/api/desktops").await.json()[0]["video_only"], true);
    for (key, value) in [("layout", json!("de init=/bin/sh")), ("theme", json!("pink")), ("extra", json!(1))]
    {
        let mut bad = before.clone();
        bad[key] = value;
        let answer = ada.send("PUT", "/api/settings", &bad.to_string()).await;
        assert!((400..=422).contains(&answer.status) && answer.code() == "bad_request", "{key}");
    }
    server.close().await;
}
