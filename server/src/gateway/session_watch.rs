//! Noticing that a session has ended under an open connection.

use super::PING_EVERY;
use oriel_auth::{SessionId, Sessions, unix_now};
use tokio::sync::broadcast::error::RecvError;

/// Returns when the session has ended: at once after a logout here, and within [`PING_EVERY`]
/// after it expired or another process ended it. An open connection keeps its session from idling.
pub async fn session_ended(sessions: &Sessions, id: SessionId) {
    let mut endings = sessions.endings();
    let mut look = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            ended = endings.recv() => match ended {
                Ok(ended) if ended == id => return,
                Ok(_) => continue,
                // Some were missed: look for ourselves.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => {}
        }
        match sessions.holds(id, unix_now()).await {
            Ok(true) => {}
            Ok(false) => return,
            // A database that fails for a moment throws nobody out.
            Err(error) => tracing::warn!(%error, "a session could not be checked"),
        }
    }
}
