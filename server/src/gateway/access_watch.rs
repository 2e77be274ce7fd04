//! Watch of the rights behind an open connection: session, user, entitlement and the pool's policy.

use super::PING_EVERY;
use crate::changes::{ChangeReceiver, Changed, Changes};
use crate::desktops::{DesktopTable, Record};
use crate::pools::RedirectionPolicy;
use oriel_auth::{AccountState, AuthError, SessionId, SessionState, Sessions, Users, unix_now};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

/// Watch of the rights behind one connection.
pub struct AccessWatch {
    /// Session of the connection.
    session: SessionId,
    /// Identifier of the session's user.
    user_id: String,
    /// Desktop that the connection shows; `None` for events.
    desktop: Option<WatchedDesktop>,
    sources: AccessSources,
}

/// Sources in which rights are looked up.
#[derive(Clone)]
pub struct AccessSources {
    /// Table of sessions.
    pub sessions: Sessions,
    /// Table of users.
    pub users: Users,
    /// Table of desktops.
    pub desktops: DesktopTable,
    /// Changes that any process made.
    pub changes: Arc<Changes>,
}

/// Desktop of a connection, with its present policy.
struct WatchedDesktop {
    id: String,
    pool_id: String,
    policy: watch::Sender<RedirectionPolicy>,
}

/// Right to a connection.
enum Right {
    /// The right holds for the duration, unless the user acts or something changes.
    For(Duration),
    /// The connection must close, for the reason in one sentence.
    Withdrawn(String),
}

impl AccessWatch {
    /// Makes the watch of a connection that shows no desktop.
    pub fn of_session(sources: AccessSources, session: SessionId, user_id: String) -> Self {
        Self { session, user_id, desktop: None, sources }
    }

    /// Makes the watch of a connection that shows a desktop of its user.
    pub fn of_desktop(sources: AccessSources, session: SessionId, record: &Record) -> Self {
        let desktop = WatchedDesktop {
            id: record.id.clone(),
            pool_id: record.pool.id.clone(),
            policy: watch::channel(record.pool.settings.redirection).0,
        };
        Self { session, user_id: record.user_id.clone(), desktop: Some(desktop), sources }
    }

    /// Returns the present policy of the desktop's pool; nothing is allowed without a desktop.
    pub fn policy(&self) -> RedirectionPolicy {
        self.desktop.as_ref().map_or(RedirectionPolicy::NOTHING, |desktop| *desktop.policy.borrow())
    }

    /// Waits until the policy differs from `known`, and returns the present one.
    pub async fn policy_changed(&self, known: RedirectionPolicy) -> RedirectionPolicy {
        let Some(desktop) = &self.desktop else { return std::future::pending().await };
        let mut policy = desktop.policy.subscribe();
        loop {
            let present = *policy.borrow_and_update();
            if present != known {
                return present;
            }
            if policy.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Records activity of the session's user.
    pub fn acted(&self) {
        self.sources.sessions.acted(self.session, unix_now());
    }

    /// Waits until the connection must close, and returns the reason in one sentence for the user. A logout
    /// in this process ends the wait at once, and a change by another process when it is read.
    pub async fn ended(&self) -> String {
        let mut endings = self.sources.sessions.endings();
        let mut changes = self.sources.changes.subscribe();
        let mut look = tokio::time::interval(PING_EVERY);
        // The first look is at once.
        let mut session_end = Instant::now() + PING_EVERY;
        loop {
            tokio::select! {
                ended = endings.recv() => match ended {
                    Ok(ended) if ended != self.session => continue,
                    // The database decides, also if some identifiers were missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                },
                () = self.concerned(&mut changes) => {}
                _ = look.tick() => {}
                () = tokio::time::sleep_until(session_end) => {}
            }
            match self.check().await {
                Ok(Right::For(time)) => session_end = Instant::now() + time,
                Ok(Right::Withdrawn(reason)) => return reason,
                // A temporary failure of the database ends no connection.
                Err(error) => {
                    tracing::warn!(%error, "the right to a connection could not be checked");
                    session_end = Instant::now() + PING_EVERY;
                }
            }
        }
    }

    /// Waits for a change that concerns the connection.
    async fn concerned(&self, changes: &mut ChangeReceiver) {
        loop {
            let concerns = match changes.next().await {
                Changed::User(id) => id == self.user_id,
                Changed::Pool(id) => self.desktop.as_ref().is_some_and(|desktop| desktop.pool_id == id),
                Changed::Anything => true,
            };
            if concerns {
                return;
            }
        }
    }

    /// Looks the rights up, and publishes the present policy.
    async fn check(&self) -> Result<Right, AuthError> {
        let sources = &self.sources;
        let left = match sources.sessions.state(self.session, unix_now()).await? {
            SessionState::Open { idle_left, left, .. } => idle_left.min(left),
            other => return Ok(Right::Withdrawn(self.reason(other).await?)),
        };
        let Some(desktop) = &self.desktop else { return Ok(Right::For(left)) };
        let Some(record) = sources.desktops.owned(&desktop.id, &self.user_id).await? else {
            return Ok(Right::Withdrawn("Your access to this desktop was withdrawn.".into()));
        };
        let policy = record.pool.settings.redirection;
        desktop.policy.send_if_modified(|known| {
            let changed = *known != policy;
            *known = policy;
            changed
        });
        Ok(Right::For(left))
    }

    /// Returns the reason for which a session is not open, in one sentence for the user.
    async fn reason(&self, state: SessionState) -> Result<String, AuthError> {
        let limits = self.sources.sessions.limits();
        Ok(match state {
            SessionState::Idle => {
                let minutes = match limits.idle.as_secs() / 60 {
                    1 => "a minute".to_owned(),
                    minutes => format!("{minutes} minutes"),
                };
                format!(
                    "You have been logged out after {minutes} without a key, the pointer or a touch. Your desktop runs on."
                )
            }
            SessionState::Expired => format!(
                "You have been logged out {} hours after your login. Your desktop runs on.",
                limits.absolute.as_secs() / 3600
            ),
            SessionState::Open { .. } | SessionState::Ended => {
                match self.sources.users.account_state(&self.user_id).await? {
                    AccountState::Enabled => "You have been logged out.".into(),
                    AccountState::Disabled => {
                        "Your account has been disabled; ask your administrator.".into()
                    }
                    AccountState::Removed => "Your account has been removed.".into(),
                }
            }
        })
    }
}
