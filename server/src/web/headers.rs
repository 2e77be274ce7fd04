//! Middleware around every response: public address, check of the `Host`, security headers, time limit and log.

use super::app::App;
use super::error::ApiError;
use super::public_address::{self, PathWithin, PublicAddress, path_within, with_path};
use crate::listener::{ConnectionInfo, ConnectionSlot};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use oriel_auth::Scheme;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time limit of a request until its response; a WebSocket's response is that of the upgrade.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

/// Maximum length of a request's body in bytes; requests have a few hundred.
const LONGEST_BODY: usize = 16 * 1024;
/// Time limit of a request's body.
const LONGEST_BODY_TIME: Duration = Duration::from_secs(10);

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

/// Finds the address by which the browser sent a request, refuses requests whose `Host` is not a name of this
/// server, and adds the headers to every response.
pub(super) async fn surround(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    app.metrics.request();
    let method = request.method().clone();
    // The path alone: a query may hold a ticket.
    let path = request.uri().path().to_owned();
    let Some(mut connection_info) = request.extensions().get::<ConnectionInfo>().copied() else {
        return ApiError::internal("a request has no connection").into_response();
    };
    let is_tls = connection_info.scheme == Scheme::Https;
    let address = public_address::resolve(
        &app.origins,
        &app.trusted_proxies,
        &mut connection_info,
        request.headers_mut(),
    );
    request.extensions_mut().insert(connection_info);
    let known = address.host.as_deref().is_some_and(|host| app.origins.knows_host(host, address.scheme));
    let mut is_api = path.starts_with("/api/");
    let mut response = if known {
        match path_within(&app.origins, &path) {
            PathWithin::AddSlash(location) => Redirect::permanent(&location).into_response(),
            PathWithin::Path(within) => {
                is_api = within.starts_with("/api/");
                if let Some(uri) = with_path(request.uri(), &within) {
                    *request.uri_mut() = uri;
                }
                answer(request, next).await
            }
        }
    } else {
        ApiError::forbidden(
            "This server is not known by that name; an administrator can add it to public_urls in the configuration.",
        )
        .into_response()
    };
    // With HSTS, a user could no longer accept the server's self-signed certificate.
    let strict = address.scheme == Scheme::Https && (app.certificate_given || !is_tls);
    dress(&mut response, &sockets(&app, &address, known), strict, is_api);
    let status = response.status().as_u16();
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let client = connection_info.client;
    tracing::debug!(%method, path, status, ms, %client, "request");
    response
}

/// Reads the request's body, and lets the handler answer. From then on the connection is one with work.
async fn answer(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = tokio::time::timeout(LONGEST_BODY_TIME, to_bytes(body, LONGEST_BODY)).await else {
        return ApiError::bad_request("The request was too slow.").into_response();
    };
    let Ok(body) = body else {
        return ApiError::bad_request("The request is too long, or was cut off.").into_response();
    };
    let slot = parts.extensions.get::<Arc<ConnectionSlot>>().cloned();
    let work = slot.as_ref().map(|slot| slot.at_work());
    let request = Request::from_parts(parts, Body::from(body));
    let answer = tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await;
    drop(work);
    let response = answer.unwrap_or_else(|_| {
        ApiError::unavailable("The server was too busy to answer in time.").into_response()
    });
    if let Some(slot) = slot
        && response.status() == StatusCode::SWITCHING_PROTOCOLS
    {
        slot.is_upgraded();
    }
    response
}

/// Returns the origins of WebSockets for the content security policy, each after a space.
fn sockets(app: &App, address: &PublicAddress, known: bool) -> String {
    let socket = |scheme, host: &str| match scheme {
        Scheme::Https => format!(" wss://{host}"),
        Scheme::Http => format!(" ws://{host}"),
    };
    let own = address.host.as_deref().filter(|_| known).map(|host| socket(address.scheme, host));
    let mut all: Vec<String> = own.into_iter().collect();
    if address.is_forwarded {
        // A proxy may have put another host in the place of the public one.
        all.extend(app.origins.public_urls().map(|url| socket(url.scheme(), &url.authority())));
        all.dedup();
    }
    all.concat()
}

/// Adds the headers to a response.
fn dress(response: &mut Response, sockets: &str, strict: bool, is_api: bool) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // The page decodes zstd in WebAssembly, which needs 'wasm-unsafe-eval'. 'self' includes WebSockets
    // in new browsers only, so they are named.
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
         img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; connect-src 'self'{sockets}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if strict {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
