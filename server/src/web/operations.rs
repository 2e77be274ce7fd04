//! What administrators and their programs ask of the server.

use super::app::App;
use super::error::ApiError;
use crate::desktops::available_memory_mib;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use oriel_auth::unix_now;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(super) async fn host(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let world = app.desktops.world();
    let facts = world.probe.facts().await.map_err(ApiError::internal)?;
    let up = app.desktops.statuses().iter().filter(|status| status.state.is_up()).count();
    Ok(Json(json!({
        "facts": facts,
        "capacity": {
            "memory_available_mib": available_memory_mib(),
            "host_reserve_mib": world.config.desktops.host_reserve_mib,
            "desktops_up": up,
        },
    })))
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let sessions = app.login.sessions.count(unix_now()).await?;
    let text = app.metrics.text(sessions, &app.desktops.statuses());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
