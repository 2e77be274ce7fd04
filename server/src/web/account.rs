//! Handlers for login, logout, and a user's settings and password.

use super::app::App;
use super::cookie;
use super::error::ApiError;
use super::guard::Caller;
use crate::listener::ConnectionInfo;
use crate::metrics::LoginOutcome;
use crate::users::Settings;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderMap};
use oriel_auth::user::Role;
use oriel_auth::{
    Client, LoginRefused, LoginState, Password, Session, SessionId, SessionState, User, csrf, unix_now,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Body of a login.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: Password,
}

/// Body of a change of password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
    old: Password,
    new: Password,
}

/// Logs a user in: `POST /api/login`.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    request_headers: HeaderMap,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(Credentials { name, password }) = body.map_err(|_| {
        // The parser's message could contain the password.
        ApiError::bad_request("A login is a JSON object with name and password.")
    })?;
    let begun = {
        let app = Arc::clone(&app);
        let device = cookie::read_device(&request_headers, connection_info.scheme).to_owned();
        // A client that hangs up leaves its failure on record.
        completed(async move {
            let client = Client { address: connection_info.client, device: &device };
            app.login.begin(&name, password, client).await
        })
        .await?
    };
    let state = begun?.map_err(|refused| match refused {
        LoginRefused::Failed => {
            app.metrics.login(LoginOutcome::Failed);
            ApiError::login_failed()
        }
        LoginRefused::SlowDown(wait) => {
            app.metrics.login(LoginOutcome::Slowed);
            ApiError::slow_down(wait)
        }
    })?;
    let signed_in = match state {
        LoginState::In(signed_in) => signed_in,
        LoginState::SecondFactor(never) => match never {},
    };
    app.metrics.login(LoginOutcome::Ok);
    let id = SessionId::of(&signed_in.token);
    let session = session_json(&app, id, &signed_in.user, &csrf::token_for(&signed_in.token)).await?;
    let mut headers = HeaderMap::new();
    let cookie = cookie::set(&signed_in.token, connection_info.scheme, app.login.sessions.longest());
    let device = cookie::set_device(&signed_in.device, connection_info.scheme);
    cookie.into_iter().chain(device).for_each(|cookie| {
        headers.append(header::SET_COOKIE, cookie);
    });
    Ok((headers, Json(json!({ "state": "in", "session": session }))).into_response())
}

/// Ends the caller's session: `POST /api/logout`.
pub(super) async fn logout(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let ended = {
        let app = Arc::clone(&app);
        completed(async move { app.login.logout(&caller.session, connection_info.client).await }).await?
    };
    ended?;
    let mut headers = HeaderMap::new();
    headers.extend(cookie::clear(connection_info.scheme).map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Returns the caller's session: `GET /api/session`.
pub(super) async fn session(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let Session { id, user } = &caller.session;
    Ok(Json(session_json(&app, *id, user, &caller.csrf).await?))
}

/// Records that the caller is there: `POST /api/activity`. Pages send it after a key, the pointer or a touch.
pub(super) async fn activity(State(app): State<Arc<App>>, caller: Caller) -> StatusCode {
    app.login.sessions.acted(caller.session.id, unix_now());
    StatusCode::NO_CONTENT
}

/// Stores the caller's settings: `PUT /api/settings`.
pub(super) async fn put_settings(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Json<Settings>, JsonRejection>,
) -> Result<Json<Settings>, ApiError> {
    let Json(settings) = body.map_err(|error| ApiError::bad_request(error.body_text()))?;
    settings.check().map_err(ApiError::bad_request)?;
    app.settings.put(&caller.session.user.id, &settings).await?;
    Ok(Json(settings))
}

/// Changes the caller's password: `POST /api/password`.
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    request_headers: HeaderMap,
    body: Result<Json<PasswordChange>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(PasswordChange { old, new }) =
        body.map_err(|_| ApiError::bad_request("A change of password is a JSON object with old and new."))?;
    let device = cookie::read_device(&request_headers, connection_info.scheme).to_owned();
    let change = async move {
        let client = Client { address: connection_info.client, device: &device };
        app.login.change_password(&caller.session, old, new, client).await
    };
    match completed(change).await?? {
        Ok(device) => {
            let mut headers = HeaderMap::new();
            let cookie = cookie::set_device(&device, connection_info.scheme);
            headers.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            Ok((StatusCode::NO_CONTENT, headers).into_response())
        }
        Err(LoginRefused::Failed) => Err(ApiError::forbidden("The old password is not right.")),
        Err(LoginRefused::SlowDown(wait)) => Err(ApiError::slow_down(wait)),
    }
}

/// Runs a future in a task of its own, to its end also if the client hangs up.
async fn completed<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, ApiError> {
    tokio::spawn(work).await.map_err(ApiError::internal)
}

/// Returns the JSON object `Session` of docs/http-api.md.
async fn session_json(app: &App, id: SessionId, user: &User, csrf: &str) -> Result<Value, ApiError> {
    let (idle_left, left) = match app.login.sessions.state(id, unix_now()).await? {
        SessionState::Open { idle_left, left, .. } => (idle_left, left),
        SessionState::Idle | SessionState::Expired | SessionState::Ended => {
            return Err(ApiError::login_required());
        }
    };
    let settings = app.settings.get(&user.id).await?;
    let host_line = match app.desktops.host().facts().await {
        Ok(report) => report.facts.kvm_text,
        Err(text) => text,
    };
    Ok(json!({
        "user": {
            "id": user.id,
            "name": user.name,
            "display_name": user.display_name,
            "admin": user.role == Role::Admin,
        },
        "csrf": csrf,
        "settings": settings,
        "lifetime": {
            "idle_s": app.login.sessions.limits().idle.as_secs(),
            "idle_left_s": idle_left.as_secs(),
            "left_s": left.as_secs(),
        },
        "server": { "version": env!("CARGO_PKG_VERSION"), "host_line": host_line },
    }))
}
