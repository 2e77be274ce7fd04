//! Detection of a session's end under an open connection.

use super::PING_EVERY;
use oriel_auth::{SessionId, Sessions, unix_now};
use tokio::sync::broadcast::error::RecvError;

/// Waits until the session has ended: returns at once after a logout in this process, and within
/// [`PING_EVERY`] after the session expired or another process ended it. An open connection keeps its session
/// from expiring by idleness.
pub async fn session_ended(sessions: &Sessions, id: SessionId) {
    let mut endings = sessions.endings();
    let mut look = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            ended = endings.recv() => match ended {
                Ok(ended) if ended == id => return,
                Ok(_) => continue,
                // Some identifiers were missed, so the database decides.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => {}
        }
        match sessions.holds(id, unix_now()).await {
            Ok(true) => {}
            Ok(false) => return,
            // A temporary failure of the database ends no session.
            Err(error) => tracing::warn!(%error, "a session could not be checked"),
        }
    }
}
