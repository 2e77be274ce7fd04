//! What surrounds every answer: our own names only, headers that keep browsers strict, the log.

use super::app::App;
use super::error::ApiError;
use crate::listener::Arrival;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oriel_auth::Scheme;
use std::sync::Arc;
use std::time::Instant;

const FIXED: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), fullscreen=(self), keyboard-map=(self)",
    ),
];

/// Turns away requests for names that are not ours, answers the others, and dresses the answer.
pub(super) async fn surround(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    app.metrics.request();
    let method = request.method().clone();
    // The path alone: a query may hold a ticket.
    let path = request.uri().path().to_owned();
    let arrival = request.extensions().get::<Arrival>().copied();
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let known = match (arrival, &host) {
        (Some(arrival), Some(host)) => app.origins.knows_host(host, arrival.scheme),
        _ => false,
    };
    let mut response = if known {
        next.run(request).await
    } else {
        ApiError::forbidden(
            "This server is not known by that name; an administrator can add it to public_urls in the configuration.",
        )
        .into_response()
    };
    let scheme = arrival.map_or(Scheme::Https, |arrival| arrival.scheme);
    dress(&app, &mut response, scheme, host.as_deref().filter(|_| known), path.starts_with("/api/"));
    let status = response.status().as_u16();
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let peer = arrival.map(|arrival| arrival.peer.ip());
    tracing::debug!(%method, path, status, ms, ?peer, "request");
    response
}

fn dress(app: &App, response: &mut Response, scheme: Scheme, host: Option<&str>, is_api: bool) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // 'self' covers WebSockets in new browsers only, so they are named.
    let socket = match (scheme, host) {
        (Scheme::Https, Some(host)) => format!(" wss://{host}"),
        (Scheme::Http, Some(host)) => format!(" ws://{host}"),
        (_, None) => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; manifest-src 'self'; connect-src 'self'{socket}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // A browser that were told to insist on a self-made certificate could not be let past it again.
    if app.certificate_given && scheme == Scheme::Https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
