//! Guard of routes: checks that a caller has the right that the route demands, in one place.
//!
//! Every route names its [`Access`] in the route table. A handler receives the checked [`Caller`] and
//! [`OwnDesktop`].

use super::app::App;
use super::cookie;
use super::error::ApiError;
use crate::desktops::{DesktopHandle, Record};
use crate::listener::{ConnectionInfo, ConnectionSlot};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use oriel_auth::user::Role;
use oriel_auth::{Entry, Session, Token, csrf, unix_now};
use std::sync::Arc;

/// The header that carries the CSRF token.
const CSRF_HEADER: &str = "x-oriel-csrf";

/// Right that a caller needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No right is needed.
    Anyone,
    /// No session is needed, but the Origin must be an allowed one: for the login.
    OwnPage,
    /// A session is needed and, if the method is not safe, an allowed Origin and the CSRF token.
    User,
    /// As for `User`, and the session's user must own the desktop named by `{id}`.
    Owner,
    /// As for `User`, for a WebSocket: no header can carry a CSRF token, so the Origin must always be an
    /// allowed one.
    UserSocket,
    /// As for `Owner`, for a WebSocket; the handler also checks a ticket.
    OwnerSocket,
    /// As for `User`, and the session's user must be an administrator.
    Admin,
    /// The request must have the token for metrics, or fulfil `Admin`.
    MetricsTokenOrAdmin,
}

/// Session of the caller, checked by the guard.
#[derive(Clone)]
pub(super) struct Caller {
    /// Session of the caller.
    pub session: Session,
    /// CSRF token of the session.
    pub csrf: String,
}

/// Desktop named in the path, which the caller owns.
#[derive(Clone)]
pub(super) struct OwnDesktop {
    /// Record of the desktop.
    pub record: Record,
    /// Handle of the desktop.
    pub handle: DesktopHandle,
}

/// Checks the caller's right, and passes the request to the handler.
pub(super) async fn guard(
    State((app, access)): State<(Arc<App>, Access)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let connection_info = *request
        .extensions()
        .get::<ConnectionInfo>()
        .ok_or_else(|| ApiError::internal("no connection_info"))?;
    let headers = request.headers();
    match access {
        Access::Anyone => return Ok(next.run(request).await),
        Access::OwnPage => {
            check_origin(&app, headers, connection_info)?;
            return Ok(next.run(request).await);
        }
        Access::MetricsTokenOrAdmin
            if app.metrics_token.as_ref().is_some_and(|token| token.is_in(headers)) =>
        {
            return Ok(next.run(request).await);
        }
        _ => {}
    }
    let token = cookie::read(headers, connection_info.scheme).ok_or_else(ApiError::login_required)?;
    let session = app.login.sessions.find(&token, unix_now()).await?.ok_or_else(ApiError::login_required)?;
    if let Some(slot) = request.extensions().get::<Arc<ConnectionSlot>>() {
        slot.logged_in(session.id);
    }
    let (method, headers) = (request.method(), request.headers());
    let checked =
        check_session(&app, access, &params, (method, headers), connection_info, (&session, &token)).await;
    match checked {
        Ok(Some(desktop)) => {
            request.extensions_mut().insert(desktop);
        }
        Ok(None) => {}
        Err(refusal) => {
            if refusal.is_refusal() {
                record_refusal(&app, &session, request.uri().path(), connection_info).await;
            }
            return Err(refusal);
        }
    }
    request.extensions_mut().insert(Caller { session, csrf: csrf::token_for(&token) });
    Ok(next.run(request).await)
}

/// Checks what a route demands of a request with a session, and returns the desktop that the route names.
async fn check_session(
    app: &App,
    access: Access,
    params: &RawPathParams,
    (method, headers): (&Method, &HeaderMap),
    connection_info: ConnectionInfo,
    (session, token): (&Session, &Token),
) -> Result<Option<OwnDesktop>, ApiError> {
    let socket = matches!(access, Access::UserSocket | Access::OwnerSocket);
    if socket || !is_safe(method) {
        check_origin(app, headers, connection_info)?;
    }
    if !is_safe(method) {
        check_csrf(headers, token)?;
    }
    match access {
        Access::Admin | Access::MetricsTokenOrAdmin if session.user.role != Role::Admin => {
            Err(ApiError::forbidden("This is for administrators."))
        }
        Access::Owner | Access::OwnerSocket => {
            let id = params.iter().find(|(name, _)| *name == "id").map(|(_, value)| value);
            let record = app.desktops.owned(id.unwrap_or_default(), &session.user.id).await?;
            let record = record.ok_or_else(ApiError::not_found)?;
            let handle = app.desktops.handle(&record).ok_or_else(ApiError::not_found)?;
            Ok(Some(OwnDesktop { record, handle }))
        }
        _ => Ok(None),
    }
}

/// Records a refused request of a user in the audit log, in bounded number.
async fn record_refusal(app: &App, session: &Session, path: &str, connection_info: ConnectionInfo) {
    let address = connection_info.client.to_canonical().to_string();
    let subject: String = path.chars().take(128).collect();
    let entry = Entry {
        actor: &session.user.name,
        subject: &subject,
        address: &address,
        detail: "refused",
        ..Entry::default()
    };
    if let Err(error) = app.login.audit.record_bounded("access.refused", entry).await {
        tracing::error!(%error, "a refused request could not be recorded");
    }
}

/// Returns whether a method is safe (RFC 9110, section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Checks that the request comes from one of this server's pages. A browser sets `Origin` itself, so a page
/// cannot forge the header.
fn check_origin(app: &App, headers: &HeaderMap, connection_info: ConnectionInfo) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin =
        text(header::ORIGIN).or_else(|| text(header::REFERER).and_then(oriel_auth::origin::origin_of));
    let host = text(header::HOST).unwrap_or_default();
    match origin {
        Some(origin) if app.origins.allows(origin, host, connection_info.scheme) => Ok(()),
        _ => Err(ApiError::forbidden("This request did not come from Oriel's own page.")),
    }
}

/// Checks the CSRF token in the request's header.
fn check_csrf(headers: &HeaderMap, token: &Token) -> Result<(), ApiError> {
    let presented = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if csrf::matches(token, presented) {
        return Ok(());
    }
    Err(ApiError::forbidden("This request does not carry the page's token; load the page anew."))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| ApiError::internal("a route that needs a caller has none"))
    }
}

impl<S: Sync> FromRequestParts<S> for OwnDesktop {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| ApiError::internal("a route that needs a desktop has none"))
    }
}
