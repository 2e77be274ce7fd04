//! Being a server: TLS, the web client's files, one server to a state.

use crate::client::{Browser, exchange};
use crate::fixture::House;
use oriel_server::serve::serve;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn the_certificate_it_makes_is_good_for_localhost() {
    let house = House::new("").await;
    let server = house.open().await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(house.state().certificate()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let authority = server.ready.url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let port = authority.rsplit(':').next().unwrap();
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let headers = [("host", authority.clone()), ("origin", format!("https://{authority}"))];
    let body = format!(r#"{{"name":"ada","password":"{}"}}"#, crate::fixture::PASSWORD);
    let answer = exchange(stream, "POST", "/api/login", &headers, &body).await;
    assert_eq!(answer.status, 200);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-oriel=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(answer.header("strict-transport-security"), None, "not for a certificate of our own making");
    server.close().await;
}

#[tokio::test]
async fn answers_keep_browsers_strict() {
    let house = House::new("").await;
    let server = house.open().await;
    for path in ["/", "/assets/app-1.js", "/api/session", "/nothing.txt"] {
        let answer = server.stranger().get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.contains(&format!("connect-src 'self' ws://{}", server.address)), "{policy}");
        assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    server.close().await;
}

#[tokio::test]
async fn the_page_is_everywhere_that_no_file_is() {
    let house = House::new("").await;
    let server = house.open().await;
    let get = async |path: &str| server.stranger().get(path).await;
    for path in ["/", "/login", "/desktops/abc"] {
        let page = get(path).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), Some("no-cache"));
    }
    assert!(get("/assets/app-1.js").await.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(get("/assets/none.js").await.status, 404);
    assert_eq!(get("/../state/oriel.db").await.status, 404);
    let unknown = get("/api/none").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"));
    assert_eq!(server.stranger().post("/", "").await.status, 405);
    assert_eq!(server.stranger().send("DELETE", "/api/session", "").await.status, 405);
    server.close().await;
}

#[tokio::test]
async fn long_bodies_are_not_read() {
    let house = House::new("").await;
    let server = house.open().await;
    let answer = server.stranger().login("ada", &"x".repeat(20_000)).await;
    assert_eq!(answer.status, 400);
    server.close().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_state_is_refused() {
    let house = House::new("").await;
    let server = house.open().await;
    let second = serve(house.config.clone(), CancellationToken::new(), |_| {}).await;
    assert!(second.unwrap_err().starts_with("Another server runs on "));
    server.close().await;
}

#[tokio::test]
async fn what_is_missing_at_the_start_is_said() {
    let mut house = House::new("").await;
    house.config.web_root = Some(house.path().join("nowhere"));
    let answer = serve(house.config.clone(), CancellationToken::new(), |_| {}).await;
    assert!(answer.unwrap_err().starts_with("There is no web client in "));
    house.config.vmm = Some("/nowhere/oriel-vmm".into());
    let answer = serve(house.config.clone(), CancellationToken::new(), |_| {}).await;
    assert!(answer.unwrap_err().contains("/nowhere/oriel-vmm"));
}

#[tokio::test]
async fn a_public_address_is_ours() {
    let mut house = House::new("").await;
    house.config.public_urls = vec!["https://desk.example.org".into()];
    let server = house.open().await;
    let behind_a_proxy = Browser {
        host: "desk.example.org".into(),
        origin: Some("https://desk.example.org".into()),
        ..server.stranger()
    };
    assert_eq!(behind_a_proxy.login("ada", crate::fixture::PASSWORD).await.status, 200);
    server.close().await;
}

#[tokio::test]
async fn metrics_are_for_those_who_have_the_token() {
    let house = House::new("").await;
    let server = house.open().await;
    server.user("ada").await;
    let text = server.metrics().await;
    assert!(text.contains("oriel_logins_total{outcome=\"ok\"} 1"), "{text}");
    let wrong = Browser { extra: vec![("authorization", "Bearer wrong".into())], ..server.stranger() };
    assert_eq!(wrong.get("/metrics").await.status, 401);
    server.close().await;
}
