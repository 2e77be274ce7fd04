//! A reverse proxy in front: cookies, addresses of clients, and a public URL with a path.

use crate::client::Browser;
use crate::fixture::{House, PASSWORD, Running};
use oriel_server::state::open_database;

/// A house that is known as `https://desk.example.org`.
async fn house_with(public_urls: &[&str]) -> House {
    let mut house = House::new("").await;
    house.config.public_urls = public_urls.iter().map(|url| (*url).to_owned()).collect();
    house
}

/// A browser that a proxy passes on with the header `name`.
fn through(server: &Running, host: &str, name: &'static str, value: &str) -> Browser {
    Browser {
        host: host.into(),
        origin: Some("https://desk.example.org".into()),
        extra: vec![(name, value.to_owned())],
        ..server.stranger()
    }
}

/// The address that the audit log has for the newest entry.
async fn audited_address(house: &House) -> String {
    let db = open_database(&house.state()).await.unwrap();
    let address =
        sqlx::query_scalar("SELECT address FROM audit ORDER BY seq DESC LIMIT 1").fetch_one(&db).await;
    db.close().await;
    address.unwrap()
}

#[tokio::test]
async fn cookies_are_secure_and_https_is_strict_under_a_public_https_url() {
    let house = house_with(&["https://desk.example.org"]).await;
    let server = house.open().await;
    // A proxy that keeps Host, and one that names the backend there.
    for host in ["desk.example.org", "127.0.0.1:8080"] {
        let browser = through(&server, host, "x-forwarded-for", "192.0.2.9");
        let answer = browser.login("ada", PASSWORD).await;
        assert_eq!(answer.status, 200, "{host}");
        let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert!(!cookies.is_empty());
        for (_, cookie) in cookies {
            assert!(cookie.starts_with("__Host-oriel") && cookie.ends_with("; Secure"), "{host}: {cookie}");
            assert!(cookie.contains("; Path=/;"), "{cookie}");
        }
        assert!(answer.header("strict-transport-security").is_some(), "{host}");
        let session = Browser {
            cookie: answer
                .header("set-cookie")
                .and_then(|cookie| cookie.split(';').next())
                .map(str::to_owned),
            csrf: answer.json()["session"]["csrf"].as_str().map(str::to_owned),
            ..browser
        };
        assert_eq!(session.get("/api/session").await.status, 200, "{host}");
        assert_eq!(session.post("/api/logout", "").await.status, 204, "{host}");
    }
    // On this computer, without the proxy, the page is plain.
    let direct = server.stranger().login("ada", PASSWORD).await;
    assert!(direct.header("set-cookie").unwrap().starts_with("oriel-loopback="));
    assert_eq!(direct.header("strict-transport-security"), None);
    server.close().await;
}

#[tokio::test]
async fn ports_in_forwarded_addresses_are_understood() {
    let house = House::new("").await;
    let server = house.open().await;
    for (name, value, address) in [
        ("x-forwarded-for", "192.0.2.9:1234", "192.0.2.9"),
        ("x-forwarded-for", "[2001:db8::1]:443", "2001:db8::1"),
        ("x-forwarded-for", "2001:db8::2", "2001:db8::2"),
        ("forwarded", "for=\"[2001:db8::3]:4711\";proto=http", "2001:db8::3"),
        ("forwarded", "for=192.0.2.10, For=\"192.0.2.11:5\"; By=203.0.113.1", "192.0.2.11"),
    ] {
        let browser = Browser { extra: vec![(name, value.to_owned())], ..server.stranger() };
        assert_eq!(browser.login("nobody", "wrong password").await.status, 401);
        assert_eq!(audited_address(&house).await, address, "{name}: {value}");
    }
    server.close().await;
}

#[tokio::test]
async fn only_trusted_proxies_tell_addresses_and_hosts() {
    let mut house = house_with(&["https://desk.example.org"]).await;
    house.config.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let server = house.open().await;
    let browser = Browser {
        extra: vec![
            ("x-forwarded-for", "192.0.2.9".into()),
            ("forwarded", "for=192.0.2.9;proto=https".into()),
            ("x-forwarded-proto", "https".into()),
            ("x-forwarded-host", "desk.example.org".into()),
        ],
        ..server.stranger()
    };
    let answer = browser.login("ada", PASSWORD).await;
    assert!(answer.header("set-cookie").unwrap().starts_with("oriel-loopback="));
    assert_eq!(audited_address(&house).await, "127.0.0.1");
    let rebound = Browser { host: "evil.example".into(), ..browser };
    assert_eq!(rebound.get("/").await.status, 403);
    server.close().await;
}

#[tokio::test]
async fn a_page_behind_a_proxy_that_renames_the_host_may_open_sockets() {
    let house = house_with(&["https://desk.example.org"]).await;
    let server = house.open().await;
    let page = through(&server, "127.0.0.1:8080", "x-forwarded-for", "192.0.2.9").get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(" wss://desk.example.org"), "{policy}");
    server.close().await;
}

#[tokio::test]
async fn metrics_are_not_for_whoever_is_on_this_computer() {
    let house = House::new("").await;
    let server = house.open().await;
    assert_eq!(server.stranger().get("/metrics").await.status, 401);
    assert_eq!(server.user("ada").await.get("/metrics").await.status, 403);
    assert_eq!(server.user("root").await.get("/metrics").await.status, 200);
    server.close().await;
}

#[tokio::test]
async fn a_public_url_with_a_path_works_whether_or_not_the_proxy_passes_the_path_on() {
    let house = house_with(&["https://desk.example.org/vdi/"]).await;
    let page = "<script src=\"./assets/app-1.js\"></script>";
    std::fs::write(house.path().join("web/index.html"), page).unwrap();
    let server = house.open().await;
    let browser = through(&server, "desk.example.org", "x-forwarded-proto", "https");
    for prefix in ["/vdi", ""] {
        let get = async |path: &str| browser.get(&format!("{prefix}{path}")).await;
        assert_eq!(get("/assets/app-1.js").await.body, b"1", "{prefix}");
        for (path, src) in [("/", "./assets"), ("/login", "./assets"), ("/desktop/abc", "../assets")] {
            let page = get(path).await;
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
            let text = String::from_utf8(page.body).unwrap();
            assert!(text.contains(&format!("src=\"{src}/app-1.js\"")), "{prefix}{path}: {text}");
        }
        let login = format!(r#"{{"name":"ada","password":"{PASSWORD}"}}"#);
        let answer = browser.post(&format!("{prefix}/api/login"), &login).await;
        assert_eq!(answer.status, 200, "{prefix}");
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-oriel=") && cookie.contains("; Path=/;"), "{cookie}");
        let user = Browser { cookie: cookie.split(';').next().map(str::to_owned), ..browser.clone() };
        assert!(user.open(&format!("{prefix}/api/events")).await.is_ok(), "{prefix}");
        let foreign = Browser { origin: Some("https://evil.example".into()), ..user.clone() };
        assert_eq!(foreign.open(&format!("{prefix}/api/events")).await.err(), Some(403), "{prefix}");
    }
    let bare = browser.get("/vdi").await;
    assert_eq!((bare.status, bare.header("location")), (308, Some("/vdi/")));
    assert_eq!(browser.get("/vdiary/api/session").await.status, 200, "the page, as for any other path");
    server.close().await;
}
