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
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Maximum length in bytes of a client's message, whose contents are ignored.
const LONGEST_FROM_CLIENT: usize = 1024;

/// Minimum time between two rounds of views, each of which reads the database.
const VIEW_INTERVAL: Duration = Duration::from_millis(100);

/// Opens the WebSocket of events: `GET /api/events`.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let place = app
        .session_sockets
        .open(caller.session.id)
        .ok_or_else(|| ApiError::unavailable("This session has too many pages open; close some of them."))?;
    let guard = app.sockets.token();
    let Session { id, user } = &caller.session;
    let access = AccessWatch::of_session(app.access.clone(), *id, user.id.clone());
    Ok(upgrade.max_message_size(LONGEST_FROM_CLIENT).max_frame_size(LONGEST_FROM_CLIENT).on_upgrade(
        async move |socket| {
            let _open = (guard, place);
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
    let mut changes = app.desktops.changes(&session.user.id);
    let mut rights = app.access.changes.subscribe();
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let mut news = all(app, session).await;
    let mut last_sent = tokio::time::Instant::now();
    let mut shown = HashSet::new();
    let mut removed: Vec<String> = Vec::new();
    loop {
        if !news.is_empty() {
            last_sent = tokio::time::Instant::now();
        }
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
            change = next_changes(&mut changes, last_sent) => match change {
                Ok(ids) => {
                    for id in ids {
                        news.extend(one(app, session, &id).await);
                    }
                }
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

/// Waits for changes of the user's desktops, and for the time at which views may be sent again; each desktop that
/// changed meanwhile is returned once. Nothing is lost when the wait is given up.
async fn next_changes(
    changes: &mut Receiver<String>,
    last_sent: tokio::time::Instant,
) -> Result<BTreeSet<String>, RecvError> {
    tokio::time::sleep_until(last_sent + VIEW_INTERVAL).await;
    let mut changed = BTreeSet::from([changes.recv().await?]);
    loop {
        match changes.try_recv() {
            Ok(id) => drop(changed.insert(id)),
            Err(TryRecvError::Empty) => return Ok(changed),
            Err(TryRecvError::Lagged(missed)) => return Err(RecvError::Lagged(missed)),
            Err(TryRecvError::Closed) => return Err(RecvError::Closed),
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
