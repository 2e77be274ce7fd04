//! Every address refuses those it is not for. The tests go through the route table that the router
//! is made from, so a new route is tested the moment it exists.

use crate::client::{Answer, Browser};
use crate::fixture::{House, desktop_of};
use axum::http::Method;
use oriel_server::web::{Access, Route, table};

/// The routes that anyone may call. A new one must be added here on purpose.
const OPEN: [&str; 1] = ["/healthz"];

fn path(route: &Route, desktop: &str) -> String {
    let id = desktop.rsplit('/').next().unwrap();
    route.path.replace("{id}", id)
}

async fn call(browser: &Browser, route: &Route, desktop: &str) -> Answer {
    let body = if route.method == Method::GET { "" } else { "{}" };
    browser.send(route.method.as_str(), &path(route, desktop), body).await
}

fn is_socket(route: &Route) -> bool {
    matches!(route.access, Access::UserSocket | Access::OwnerSocket)
}

fn of_owner(route: &Route) -> bool {
    matches!(route.access, Access::Owner | Access::OwnerSocket)
}

#[test]
fn the_route_table_and_the_written_contract_agree() {
    let written = include_str!("../../../docs/http-api.md");
    let mut written: Vec<String> = written
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once('`'))
        .filter_map(|(method, rest)| Some((method.trim(), rest.split(['`', '?']).next()?)))
        .filter(|(method, _)| ["GET", "POST", "PUT"].contains(method))
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let mut built: Vec<String> =
        table().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    written.sort();
    built.sort();
    assert_eq!(written, built);
}

#[tokio::test]
async fn without_a_session_nothing_but_the_open_routes_answers() {
    let house = House::new("").await;
    let server = house.open().await;
    let desktop = desktop_of(&server.user("ada").await).await;
    let forged = Browser {
        cookie: Some(format!("oriel-loopback={}", "A".repeat(43))),
        csrf: Some("A".repeat(43)),
        // As a proxy on this machine would pass a stranger on.
        extra: vec![("x-forwarded-for", "192.0.2.1".into())],
        ..server.stranger()
    };
    let nobody = Browser { cookie: None, csrf: None, ..forged.clone() };
    for route in table() {
        for browser in [&nobody, &forged] {
            let answer = call(browser, &route, &desktop).await;
            match route.access {
                Access::Anyone => assert!(OPEN.contains(&route.path), "{} is open to anyone", route.path),
                Access::OwnPage => assert_eq!(answer.code(), "bad_request", "{}", route.path),
                _ => {
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (401, "login_required"),
                        "{}",
                        route.path
                    );
                }
            }
        }
    }
    server.close().await;
}

#[tokio::test]
async fn pages_from_elsewhere_change_nothing_and_open_nothing() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    for origin in [None, Some("null"), Some("https://evil.example"), Some("http://127.0.0.1:1")] {
        let foreign = Browser { origin: origin.map(str::to_owned), ..ada.clone() };
        for route in table().iter().filter(|route| route.method != Method::GET || is_socket(route)) {
            let answer = call(&foreign, route, &desktop).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "forbidden"),
                "{} {origin:?}",
                route.path
            );
        }
    }
    assert_eq!(ada.get(&desktop).await.json()["state"], "stopped");
    server.close().await;
}

#[tokio::test]
async fn changes_need_the_page_s_own_token() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let eve = server.user("eve").await;
    let desktop = desktop_of(&ada).await;
    for csrf in [None, Some(String::new()), eve.csrf.clone()] {
        let without = Browser { csrf, ..ada.clone() };
        for route in
            table().iter().filter(|route| route.method != Method::GET && route.access != Access::OwnPage)
        {
            let answer = call(&without, route, &desktop).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{}", route.path);
        }
    }
    server.close().await;
}

#[tokio::test]
async fn other_people_s_desktops_are_not_there() {
    let house = House::new("").await;
    let server = house.open().await;
    let desktop = desktop_of(&server.user("ada").await).await;
    for name in ["eve", "root"] {
        let other = server.user(name).await;
        assert_ne!(desktop_of(&other).await, desktop);
        for route in table().iter().filter(|route| of_owner(route)) {
            let answer = call(&other, route, &desktop).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{}", route.path);
        }
    }
    server.close().await;
}

#[tokio::test]
async fn what_is_for_administrators_is_not_for_others() {
    let house = House::new("").await;
    let server = house.open().await;
    let remote =
        |browser: Browser| Browser { extra: vec![("x-forwarded-for", "192.0.2.1".into())], ..browser };
    let (ada, root) = (remote(server.user("ada").await), remote(server.user("root").await));
    let mut seen = 0;
    for route in table() {
        if matches!(route.access, Access::Admin | Access::MetricsTokenOrAdmin) {
            assert_eq!(call(&ada, &route, "").await.status, 403, "{}", route.path);
            assert_eq!(call(&root, &route, "").await.status, 200, "{}", route.path);
            seen += 1;
        }
    }
    assert!(seen >= 2);
    server.close().await;
}

#[tokio::test]
async fn names_that_are_not_ours_get_nothing() {
    let house = House::new("").await;
    let server = house.open().await;
    let ada = server.user("ada").await;
    let desktop = desktop_of(&ada).await;
    let rebound =
        Browser { host: "evil.example".into(), origin: Some("http://evil.example".into()), ..ada.clone() };
    for route in table() {
        assert_eq!(call(&rebound, &route, &desktop).await.status, 403, "{}", route.path);
    }
    assert_eq!(rebound.get("/").await.status, 403);
    server.close().await;
}
