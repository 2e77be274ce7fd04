//! Handlers for a user's desktops: list, view, commands, tickets and streams.

use super::app::App;
use super::error::ApiError;
use super::guard::{Caller, OwnDesktop};
use crate::desktops::{BrokerError, DesktopView, Record};
use crate::gateway;
use crate::listener::ConnectionInfo;
use axum::Json;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use oriel_auth::ticket::LIFETIME;
use oriel_auth::{Attempt, TicketScope, Unrecorded, unix_now};
use oriel_vmm_api::ViewerMode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Name of the WebSocket's subprotocol (RFC 6455, section 1.9).
const SUBPROTOCOL: &str = "oriel.v1";

/// Body of a stop; `force` ends the machine without a shutdown of the guest.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StopRequest {
    force: bool,
}

/// Body of a request for a ticket, with the mode of the viewer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketRequest {
    mode: ViewerMode,
}

/// Query of a stream, with the ticket.
#[derive(Deserialize)]
pub(super) struct StreamQuery {
    #[serde(default)]
    ticket: String,
}

/// Lists the caller's desktops: `GET /api/desktops`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Vec<DesktopView>>, ApiError> {
    Ok(Json(views(&app, &caller.session.user.id).await?))
}

/// Returns the views of all desktops of a user.
pub(super) async fn views(app: &App, user_id: &str) -> Result<Vec<DesktopView>, ApiError> {
    let settings = app.settings.get(user_id).await?;
    let mut views = Vec::new();
    for record in app.desktops.of_user(user_id, unix_now()).await? {
        views.extend(app.desktops.view(&record, &settings).await);
    }
    Ok(views)
}

/// Returns the view of a desktop.
pub(super) async fn view(app: &App, record: &Record) -> Result<DesktopView, ApiError> {
    let settings = app.settings.get(&record.user_id).await?;
    app.desktops.view(record, &settings).await.ok_or_else(ApiError::not_found)
}

/// Returns a desktop: `GET /api/desktops/{id}`.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    desktop: OwnDesktop,
) -> Result<Json<DesktopView>, ApiError> {
    Ok(Json(view(&app, &desktop.record).await?))
}

/// Starts a desktop: `POST /api/desktops/{id}/start`.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
) -> Result<(StatusCode, Json<DesktopView>), ApiError> {
    let handle = desktop.handle.clone();
    take_action(&app, &caller)?;
    let attempt = attempt(&caller, connection_info, &desktop, "desktop.start");
    command(&app, &desktop, attempt, Unrecorded::Refuse, async move { handle.start().await }).await
}

/// Stops a desktop or forces it off: `POST /api/desktops/{id}/stop`.
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
    body: Bytes,
) -> Result<(StatusCode, Json<DesktopView>), ApiError> {
    let StopRequest { force } = if body.is_empty() { StopRequest::default() } else { parse(&body)? };
    let handle = desktop.handle.clone();
    take_action(&app, &caller)?;
    let action = if force { "desktop.unplug" } else { "desktop.stop" };
    let attempt = attempt(&caller, connection_info, &desktop, action);
    let stop = async move { if force { handle.force_off().await } else { handle.stop().await } };
    command(&app, &desktop, attempt, Unrecorded::Proceed, stop).await
}

/// Restarts a desktop: `POST /api/desktops/{id}/restart`.
pub(super) async fn restart(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
) -> Result<(StatusCode, Json<DesktopView>), ApiError> {
    let handle = desktop.handle.clone();
    take_action(&app, &caller)?;
    let attempt = attempt(&caller, connection_info, &desktop, "desktop.restart");
    command(&app, &desktop, attempt, Unrecorded::Refuse, async move { handle.restart().await }).await
}

/// Resets a desktop's machine: `POST /api/desktops/{id}/reset`.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
) -> Result<(StatusCode, Json<DesktopView>), ApiError> {
    let handle = desktop.handle.clone();
    take_action(&app, &caller)?;
    let attempt = attempt(&caller, connection_info, &desktop, "desktop.reset");
    command(&app, &desktop, attempt, Unrecorded::Refuse, async move { handle.reset().await }).await
}

/// Issues a ticket for a stream: `POST /api/desktops/{id}/ticket`.
pub(super) async fn ticket(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let request: TicketRequest = parse(&body)?;
    let action = match request.mode {
        ViewerMode::Interact => "desktop.ticket",
        ViewerMode::Watch => "desktop.ticket.watch",
    };
    let attempt = attempt(&caller, connection_info, &desktop, action);
    take_action(&app, &caller)?;
    let attempt = Attempt { detail: "ok".into(), ..attempt };
    app.login.audit.record_detached(attempt).await.map_err(ApiError::not_recorded)?;
    let scope = ticket_scope(&caller, &desktop);
    let token = app.tickets.issue(scope, request.mode, Instant::now()).map_err(ApiError::internal)?;
    app.metrics.ticket();
    Ok(Json(json!({ "ticket": *token.reveal(), "expires_in_s": LIFETIME.as_secs() })))
}

/// Opens a stream: `GET /api/desktops/{id}/stream`. The ticket is checked before the upgrade, and before the
/// desktop is started.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    caller: Caller,
    desktop: OwnDesktop,
    Query(query): Query<StreamQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let mode =
        app.tickets.redeem(&query.ticket, &ticket_scope(&caller, &desktop), Instant::now()).ok_or_else(
            || ApiError::forbidden("The ticket is not valid, or has been used; request a new one."),
        )?;
    let upgrade = upgrade.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let attempt = attempt(&caller, connection_info, &desktop, "stream.open");
    take_action(&app, &caller)?;
    let stream = gateway::Stream {
        audit: gateway::StreamAudit::new(app.login.audit.clone(), attempt),
        desktop: desktop.handle,
        mode,
        access: gateway::AccessWatch::of_desktop(app.access.clone(), caller.session.id, &desktop.record),
        metrics: Arc::clone(&app.metrics),
        stopping: app.stopping.clone(),
    };
    let guard = app.sockets.token();
    Ok(upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(oriel_wire::MAX_CLIENT_MESSAGE)
        .max_frame_size(oriel_wire::MAX_CLIENT_MESSAGE)
        .on_upgrade(async move |socket| {
            let _open = guard;
            gateway::serve(socket, stream).await;
        }))
}

/// Returns the scope of a ticket: the caller, the session and the desktop.
fn ticket_scope(caller: &Caller, desktop: &OwnDesktop) -> TicketScope {
    TicketScope {
        user: caller.session.user.id.clone(),
        session: caller.session.id,
        target: desktop.record.id.clone(),
    }
}

/// Parses a JSON body.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("The request is not understood: {error}.")))
}

/// Counts an action of the caller that becomes a line of the audit log.
///
/// # Errors
/// The caller acts too often.
fn take_action(app: &App, caller: &Caller) -> Result<(), ApiError> {
    app.action_rate.take(&caller.session.user.id, Instant::now()).map_err(ApiError::too_many_actions)
}

/// Returns the attempt of an action on a desktop, for the audit log.
fn attempt(
    caller: &Caller,
    connection_info: ConnectionInfo,
    desktop: &OwnDesktop,
    action: &'static str,
) -> Attempt {
    Attempt {
        actor: caller.session.user.name.clone(),
        action,
        subject: desktop.record.id.clone(),
        address: connection_info.client.to_canonical().to_string(),
        detail: String::new(),
    }
}

/// Executes a command to a desktop between the records of its intent and its outcome, and returns status 202
/// with the desktop's view.
async fn command(
    app: &App,
    desktop: &OwnDesktop,
    attempt: Attempt,
    unrecorded: Unrecorded,
    work: impl Future<Output = Result<(), BrokerError>> + Send + 'static,
) -> Result<(StatusCode, Json<DesktopView>), ApiError> {
    let outcome = app.login.audit.perform(attempt, unrecorded, work).await;
    outcome.map_err(ApiError::not_recorded)??;
    Ok((StatusCode::ACCEPTED, Json(view(app, &desktop.record).await?)))
}
