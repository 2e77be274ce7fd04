//! Table of sessions, for commands that end sessions.

use oriel_auth::{SessionLimits, Sessions};
use sqlx::SqlitePool;
use std::time::Duration;

/// Returns the table of sessions for ending sessions, which needs no limits.
pub(super) fn all_sessions(db: &SqlitePool) -> Sessions {
    Sessions::new(db.clone(), SessionLimits { idle: Duration::MAX, absolute: Duration::MAX })
}
