//! Throttling of logins: guessers are slowed down, and nobody else is.

use crate::client::{Answer, Browser};
use crate::fixture::{House, PASSWORD, Running};
use futures_util::future::join_all;
use oriel_auth::user::Role;
use oriel_auth::{Password, PasswordHasher, Users};
use oriel_server::state::open_database;
use serde_json::json;

/// Adds users `user0`, `user1` and so on, all with the password of the fixture.
async fn add_users(house: &House, count: usize) {
    let db = open_database(&house.state()).await.unwrap();
    let hash = PasswordHasher::new().unwrap().hash(Password::new(PASSWORD.into())).await.unwrap();
    for number in 0..count {
        Users::new(db.clone()).add(&format!("user{number}"), Role::User, &hash, 0).await.unwrap();
    }
    db.close().await;
}

/// A browser at an address, as a reverse proxy passes it on.
fn browser_at(server: &Running, address: &str) -> Browser {
    Browser { extra: vec![("x-forwarded-for", address.to_owned())], ..server.stranger() }
}

/// All cookies that an answer sets, as the browser sends them back.
fn cookies(answer: &Answer) -> String {
    let pairs = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    pairs.filter_map(|(_, value)| value.split(';').next()).collect::<Vec<_>>().join("; ")
}

/// Guesses a user's password once from each of many addresses.
async fn guess_from_many_addresses(server: &Running, name: &str, addresses: u32) {
    for batch in (0..addresses).collect::<Vec<_>>().chunks(50) {
        join_all(batch.iter().map(async |number| {
            let address = format!("198.{}.{}.7", 18 + number / 250, number % 250);
            let answer = browser_at(server, &address).login(name, "a wrong guess").await;
            assert_ne!(answer.status, 200);
        }))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_right_passwords_at_once_from_one_address_all_get_in() {
    let house = House::new("").await;
    add_users(&house, 30).await;
    let server = house.open().await;
    let server = &server;
    let login = async |number: usize| {
        browser_at(server, "192.0.2.1").login(&format!("user{number}"), PASSWORD).await.status
    };
    assert_eq!(join_all((0..30).map(login)).await, [200; 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_s_thirty_right_passwords_at_once_all_get_in() {
    let house = House::new("").await;
    let server = house.open().await;
    let server = &server;
    let login = async |_| browser_at(server, "192.0.2.1").login("ada", PASSWORD).await.status;
    assert_eq!(join_all((0..30).map(login)).await, [200; 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_mistakes_of_neighbours_keep_nobody_out() {
    let house = House::new("").await;
    add_users(&house, 26).await;
    let server = house.open().await;
    for number in 0..26 {
        let answer =
            browser_at(&server, "192.0.2.1").login(&format!("user{number}"), "a typing mistake").await;
        assert_eq!(answer.status, 401, "{number}");
    }
    assert_eq!(browser_at(&server, "192.0.2.1").login("ada", PASSWORD).await.status, 200);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guessing_addresses_do_not_keep_a_known_browser_out() {
    let house = House::new("").await;
    let server = house.open().await;
    let known = Browser {
        cookie: Some(cookies(&browser_at(&server, "192.0.2.1").login("ada", PASSWORD).await)),
        ..browser_at(&server, "192.0.2.1")
    };
    guess_from_many_addresses(&server, "ada", 1000).await;
    assert_eq!(known.login("ada", PASSWORD).await.status, 200);
    // Not by the address: a browser there in which ada never logged in is slowed down.
    assert_eq!(browser_at(&server, "192.0.2.1").login("ada", PASSWORD).await.status, 429);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_s_own_guesses_are_slowed_down() {
    let house = House::new("").await;
    let server = house.open().await;
    let known = Browser {
        cookie: Some(cookies(&server.stranger().login("ada", PASSWORD).await)),
        ..server.stranger()
    };
    let mut last = 0;
    for _ in 0..20 {
        last = known.login("ada", "a wrong guess").await.status;
    }
    assert_eq!(last, 429);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_makes_known_browsers_strange_but_the_one_that_set_it() {
    let house = House::new("").await;
    let server = house.open().await;
    let elsewhere = Browser {
        cookie: Some(cookies(&server.stranger().login("ada", PASSWORD).await)),
        ..server.stranger()
    };
    let here = server.user("ada").await;
    let change = json!({ "old": PASSWORD, "new": "another password" }).to_string();
    let changed = here.post("/api/password", &change).await;
    assert_eq!(changed.status, 204);
    let here = Browser { cookie: Some(cookies(&changed)), ..server.stranger() };
    guess_from_many_addresses(&server, "ada", 20).await;
    assert_eq!(elsewhere.login("ada", "another password").await.status, 429);
    assert_eq!(here.login("ada", "another password").await.status, 200);
    server.close().await;
}
