//! Handlers for administrators and monitoring: health, host, pools and metrics.

use super::app::App;
use super::error::ApiError;
use crate::pools::{Pool, PoolError};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use oriel_auth::unix_now;
use oriel_host::client::{HostMetrics, HostReport};
use oriel_host::images::{RunsAt, Version};
use oriel_host::network::sentences;
use serde_json::{Value, json};
use std::sync::Arc;

/// Reports that the server answers: `GET /healthz`.
pub(super) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Reports the host's facts and capacity: `GET /api/host`.
pub(super) async fn host(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let HostReport { facts, capacity } = app.desktops.host().facts().await.map_err(ApiError::internal)?;
    let up = app.desktops.statuses().iter().filter(|(status, _)| status.state.is_up()).count();
    Ok(Json(json!({
        "facts": facts,
        "capacity": {
            "memory_available_mib": capacity.memory_available_mib,
            "host_reserve_mib": capacity.reserve.memory_mib,
            "host_reserve_cpus": capacity.reserve.cpus,
            "most_virtual_cpus": capacity.most_virtual_cpus,
            "desktops_up": up,
        },
    })))
}

/// Lists all pools with their settings: `GET /api/pools`.
pub(super) async fn pools(State(app): State<Arc<App>>) -> Result<Json<Vec<Value>>, ApiError> {
    let listed = app.pools.list().await.map_err(|error| match error {
        PoolError::Database(error) => ApiError::from(error),
        other => ApiError::internal(other),
    })?;
    let images = app.desktops.host().images().await.map_err(ApiError::internal)?;
    Ok(Json(listed.iter().map(|(pool, users)| pool_json(pool, users, &images)).collect()))
}

/// Returns the JSON object of a pool in docs/http-api.md.
fn pool_json(pool: &Pool, users: &[String], images: &[Version]) -> Value {
    let set = &pool.settings;
    let image = images.iter().find(|image| image.name == set.image);
    let runs_at = image.map_or(RunsAt::Kernel, |image| image.runs_at);
    json!({
        "name": pool.name,
        "image": set.image,
        "cpus": set.cpus,
        "memory_mib": set.memory_mib,
        "machine": set.machine,
        "video_only": set.video_only,
        "network": set.network.to_string(),
        "egress": sentences(&set.network, &set.egress, runs_at),
        "limits": {
            "disk_mib_s": set.disk_mib_s,
            "disk_iops": set.disk_iops,
            "network_mbit_s": set.network_mbit_s,
            "cpu_limit_percent": set.cpu_limit_percent,
            "memory_overhead_mib": set.memory_overhead_mib,
        },
        "sound": set.sound,
        "agents": set.agents,
        "screens": set.screens,
        "require_jail": set.require_jail,
        "users": users,
    })
}

/// Reports the metrics in Prometheus' text format: `GET /metrics`.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let sessions = app.login.sessions.count(unix_now()).await?;
    let HostMetrics { reachable, descriptions } = app.desktops.metrics().await;
    app.metrics.latency.add(&reachable, descriptions);
    let text = app.metrics.text(sessions, &app.desktops.statuses());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
