//! Events of a user's desktops over a WebSocket: each change sends the desktop's view.

use super::app::App;
use super::desktops::{view, views};
use super::error::ApiError;
use super::guard::Caller;
use crate::desktops::DesktopView;
use crate::gateway::{AccessWatch, PING_EVERY, SILENCE};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use oriel_auth::Session;
use std::collections::HashSet;
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
    let Session { id, user } = &caller.session;
    let access = AccessWatch::of_session(app.access.clone(), *id, user.id.clone());
    Ok(upgrade.max_message_size(LONGEST_FROM_CLIENT).max_frame_size(LONGEST_FROM_CLIENT).on_upgrade(
        async move |socket| {
            let _open = guard;
            tokio::select! {
                () = tell(socket, &app, &caller.session) => {}
                _ = access.ended() => {}
                () = app.stopping.cancelled() => {}
            }
        },
    ))
}

/// Sends the views of all desktops, then the view of each desktop that changes.
async fn tell(mut socket: WebSocket, app: &App, session: &Session) {
    // The subscription begins before the first read, so that no change is missed.
    let mut changes = app.desktops.changes();
    let mut rights = app.access.changes.subscribe();
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let mut news = all(app, session).await;
    let mut shown = HashSet::new();
    let mut removed: Vec<String> = Vec::new();
    loop {
        let mut texts = Vec::new();
        texts.extend(removed.drain(..).map(|id| serde_json::json!({ "removed": id }).to_string()));
        for view in news.drain(..) {
            shown.insert(view.id.clone());
            texts.push(serde_json::json!({ "desktop": view }).to_string());
        }
        for text in texts {
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
            changed = rights.next() => {
                // Without an answer of the database nothing counts as removed.
                if changed.concerns_user(&session.user.id)
                    && let Ok(views) = views(app, &session.user.id).await
                {
                    let now: HashSet<String> = views.iter().map(|view| view.id.clone()).collect();
                    removed.extend(shown.difference(&now).cloned());
                    shown = now;
                    news = views;
                }
            }
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
