//! Events of a user's desktops over a WebSocket: each change sends the desktop's view.

use super::app::App;
use super::desktops::{view, views};
use super::error::ApiError;
use super::guard::Caller;
use crate::desktops::DesktopView;
use crate::gateway::{PING_EVERY, SILENCE, session_ended};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use oriel_auth::Session;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::broadcast::error::RecvError;

/// Maximum length in bytes of a client's message, whose contents are ignored.
const LONGEST_FROM_CLIENT: usize = 1024;

/// Opens the WebSocket of events: `GET /api/events`.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let guard = app.sockets.token();
    Ok(upgrade.max_message_size(LONGEST_FROM_CLIENT).max_frame_size(LONGEST_FROM_CLIENT).on_upgrade(
        async move |socket| {
            let _open = guard;
            tokio::select! {
                () = tell(socket, &app, &caller.session) => {}
                () = session_ended(&app.login.sessions, caller.session.id) => {}
                () = app.stopping.cancelled() => {}
            }
        },
    ))
}

/// Sends the views of all desktops, then the view of each desktop that changes.
async fn tell(mut socket: WebSocket, app: &App, session: &Session) {
    // The subscription begins before the first read, so that no change is missed.
    let mut changes = app.desktops.changes();
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let mut news = all(app, session).await;
    loop {
        for view in news.drain(..) {
            let text = serde_json::json!({ "desktop": view }).to_string();
            if socket.send(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            change = changes.recv() => match change {
                Ok(id) => news.extend(one(app, session, &id).await),
                Err(RecvError::Lagged(_)) => news = all(app, session).await,
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => heard = Instant::now(),
            },
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE || socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Returns the views of all desktops of the session's user; none after a failure, which is logged where it
/// occurs.
async fn all(app: &App, session: &Session) -> Vec<DesktopView> {
    views(app, &session.user.id).await.unwrap_or_default()
}

/// Returns the view of a desktop, if the session's user owns it.
async fn one(app: &App, session: &Session, id: &str) -> Option<DesktopView> {
    let record = app.desktops.owned(id, &session.user.id).await.ok()??;
    view(app, &record).await.ok()
}
