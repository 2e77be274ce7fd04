//! Who may call what. Every route names its [`Access`] in the route table, and this is the one
//! place where that is enforced; a handler finds the user, and the desktop where the address
//! names one, already proved.

use super::app::App;
use super::cookie;
use super::error::ApiError;
use crate::desktops::{DesktopHandle, Record};
use crate::listener::Arrival;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use oriel_auth::user::Role;
use oriel_auth::{Session, Token, csrf, unix_now};
use std::sync::Arc;

/// The header that carries the CSRF token.
const CSRF_HEADER: &str = "x-oriel-csrf";

/// Right that a route demands of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No right: strangers may call the route.
    Anyone,
    /// Anyone whose page is ours: for logging in.
    OwnPage,
    /// Anyone who is logged in.
    User,
    /// Session of the user who owns the desktop named by `{id}`.
    Owner,
    /// Like `User`, for a WebSocket: since no header can carry a CSRF token, the Origin must be an allowed
    /// one.
    UserSocket,
    /// Like `Owner`, for a WebSocket; the handler demands a ticket besides.
    OwnerSocket,
    /// Session of an administrator.
    Admin,
    /// A program on this machine, or an administrator.
    LoopbackOrAdmin,
}

/// The user who is calling.
#[derive(Clone)]
pub(super) struct Caller {
    pub session: Session,
    pub csrf: String,
}

/// The desktop that the address names, which is the caller's.
#[derive(Clone)]
pub(super) struct OwnDesktop {
    pub record: Record,
    pub handle: DesktopHandle,
}

/// Lets a request through to its handler, or does not.
pub(super) async fn guard(
    State((app, access)): State<(Arc<App>, Access)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let arrival = *request.extensions().get::<Arrival>().ok_or_else(|| ApiError::internal("no arrival"))?;
    let headers = request.headers();
    match access {
        Access::Anyone => return Ok(next.run(request).await),
        Access::OwnPage => {
            check_origin(&app, headers, arrival)?;
            return Ok(next.run(request).await);
        }
        Access::LoopbackOrAdmin if is_local_program(headers, arrival) => return Ok(next.run(request).await),
        _ => {}
    }
    let token = cookie::read(headers, arrival.scheme).ok_or_else(ApiError::login_required)?;
    let session = app.login.sessions.find(&token, unix_now()).await?.ok_or_else(ApiError::login_required)?;
    let socket = matches!(access, Access::UserSocket | Access::OwnerSocket);
    if socket || !is_safe(request.method()) {
        check_origin(&app, headers, arrival)?;
    }
    if !is_safe(request.method()) {
        check_csrf(headers, &token)?;
    }
    match access {
        Access::Admin | Access::LoopbackOrAdmin if session.user.role != Role::Admin => {
            return Err(ApiError::forbidden("This is for administrators."));
        }
        Access::Owner | Access::OwnerSocket => {
            let id = params.iter().find(|(name, _)| *name == "id").map(|(_, value)| value);
            let record = app.desktops.owned(id.unwrap_or_default(), &session.user.id).await?;
            let record = record.ok_or_else(ApiError::not_found)?;
            let handle = app.desktops.handle(&record).ok_or_else(ApiError::not_found)?;
            request.extensions_mut().insert(OwnDesktop { record, handle });
        }
        _ => {}
    }
    request.extensions_mut().insert(Caller { session, csrf: csrf::token_for(&token) });
    Ok(next.run(request).await)
}

/// A method that changes nothing (RFC 9110, section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A request of another page carries that page's Origin; browsers let no page lie about it.
fn check_origin(app: &App, headers: &HeaderMap, arrival: Arrival) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin =
        text(header::ORIGIN).or_else(|| text(header::REFERER).and_then(oriel_auth::origin::origin_of));
    let host = text(header::HOST).unwrap_or_default();
    match origin {
        Some(origin) if app.origins.allows(origin, host, arrival.scheme) => Ok(()),
        _ => Err(ApiError::forbidden("This request did not come from Oriel's own page.")),
    }
}

fn check_csrf(headers: &HeaderMap, token: &Token) -> Result<(), ApiError> {
    let presented = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if csrf::matches(token, presented) {
        return Ok(());
    }
    Err(ApiError::forbidden("This request does not carry the page's token; load the page anew."))
}

/// A request that began on this machine: from loopback, and passed on by no proxy.
fn is_local_program(headers: &HeaderMap, arrival: Arrival) -> bool {
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    arrival.peer.ip().to_canonical().is_loopback()
        && !passed_on.iter().any(|name| headers.contains_key(*name))
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
