//! Middleware around every response: check of the `Host`, security headers, time limit and log.

use super::app::App;
use super::error::ApiError;
use crate::listener::ConnectionInfo;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oriel_auth::Scheme;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time limit of a request until its response; a WebSocket's response is that of the upgrade.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

/// Headers with the same value in every response.
const FIXED: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(self), payment=(), usb=(), fullscreen=(self), keyboard-map=(self)",
    ),
];

/// Refuses requests whose `Host` is not a name of this server, and adds the headers to every response.
pub(super) async fn surround(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    app.metrics.request();
    let method = request.method().clone();
    // The path alone: a query may hold a ticket.
    let path = request.uri().path().to_owned();
    let connection_info = request.extensions().get::<ConnectionInfo>().map(|connection_info| {
        ConnectionInfo { client: client_behind(*connection_info, request.headers()), ..*connection_info }
    });
    if let Some(connection_info) = connection_info {
        request.extensions_mut().insert(connection_info);
    }
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let known = match (connection_info, &host) {
        (Some(connection_info), Some(host)) => app.origins.knows_host(host, connection_info.scheme),
        _ => false,
    };
    let mut response = if known {
        let answer = tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await;
        answer.unwrap_or_else(|_| {
            ApiError::unavailable("The server was too busy to answer in time.").into_response()
        })
    } else {
        ApiError::forbidden(
            "This server is not known by that name; an administrator can add it to public_urls in the configuration.",
        )
        .into_response()
    };
    let scheme = connection_info.map_or(Scheme::Https, |connection_info| connection_info.scheme);
    dress(&app, &mut response, scheme, host.as_deref().filter(|_| known), path.starts_with("/api/"));
    let status = response.status().as_u16();
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let client = connection_info.map(|connection_info| connection_info.client);
    tracing::debug!(%method, path, status, ms, ?client, "request");
    response
}

/// Returns the client's address. A reverse proxy on this computer appends the address to `X-Forwarded-For`;
/// from other peers that header is untrusted.
fn client_behind(connection_info: ConnectionInfo, headers: &HeaderMap) -> IpAddr {
    let peer = connection_info.peer.ip().to_canonical();
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let named = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    if peer.is_loopback() { named.unwrap_or(peer) } else { peer }
}

/// Adds the headers to a response.
fn dress(app: &App, response: &mut Response, scheme: Scheme, host: Option<&str>, is_api: bool) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // The page decodes zstd in WebAssembly, which needs 'wasm-unsafe-eval'. 'self' includes WebSockets
    // in new browsers only, so they are named.
    let socket = match (scheme, host) {
        (Scheme::Https, Some(host)) => format!(" wss://{host}"),
        (Scheme::Http, Some(host)) => format!(" ws://{host}"),
        (_, None) => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
         img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; connect-src 'self'{socket}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // With HSTS, a user could no longer accept the server's self-signed certificate.
    if app.certificate_given && scheme == Scheme::Https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client_behind(ConnectionInfo { peer, client: peer.ip(), scheme: Scheme::Http }, &headers).to_string()
    }

    #[test]
    fn only_a_proxy_on_this_machine_may_speak_for_others_and_only_its_own_word_counts() {
        assert_eq!(client("127.0.0.1:9", &["10.0.0.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("127.0.0.1:9", &["10.0.0.1", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("127.0.0.1:9", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1:9", &["nonsense"]), "127.0.0.1");
        assert_eq!(client("198.51.100.1:9", &["192.0.2.7"]), "198.51.100.1");
    }
}
