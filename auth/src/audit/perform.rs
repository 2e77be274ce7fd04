//! Actions whose intent is recorded before them and whose outcome after them.

use super::log::{AuditLog, Entry};
use crate::error::AuthError;
use std::fmt::Display;
use std::future::Future;

/// Attempt of an action, as the audit log names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Login name of the user who acts, or `console` for the command line.
    pub actor: String,
    /// Name of the action, like `desktop.start`.
    pub action: &'static str,
    /// Object of the action: a desktop's identifier or a name; may be empty.
    pub subject: String,
    /// IP address of the client; may be empty.
    pub address: String,
    /// Particulars of the action, like changed settings; may be empty.
    pub detail: String,
}

/// Treatment of an action whose intent cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecorded {
    /// The action is refused.
    Refuse,
    /// The action happens, and the failure is logged: for stopping and logging out, which must work on a full
    /// disk too.
    Proceed,
}

impl Attempt {
    /// Returns the entry of the attempt with a detail.
    fn entry<'a>(&'a self, detail: &'a str) -> Entry<'a> {
        let Self { actor, action, subject, address, .. } = self;
        Entry { actor, action, subject, address, detail }
    }
}

impl AuditLog {
    /// Records an attempt with its outcome, in a task that completes also if the caller's future is dropped:
    /// for actions that cannot fail once they are recorded.
    ///
    /// # Errors
    /// The attempt could not be recorded, and must be refused.
    pub async fn record_detached(&self, attempt: Attempt) -> Result<i64, AuthError> {
        let log = self.clone();
        let task = tokio::spawn(async move { log.record(attempt.entry(&attempt.detail)).await });
        task.await.map_err(|error| AuthError::Interrupted(error.to_string()))?
    }

    /// Records the intent of an action, executes the action, and records its outcome. All three happen in a
    /// task of their own, which completes also if the caller's future is dropped.
    ///
    /// # Errors
    /// The outer error: the intent could not be recorded, and the action did not happen. The inner result is
    /// the action's.
    pub async fn perform<T, E>(
        &self,
        attempt: Attempt,
        unrecorded: Unrecorded,
        action: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Result<T, E>, AuthError>
    where
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let log = self.clone();
        let task = tokio::spawn(async move {
            let intent = match &*attempt.detail {
                "" => "begun".to_owned(),
                detail => format!("begun: {detail}"),
            };
            let seq = match log.record(attempt.entry(&intent)).await {
                Ok(seq) => Some(seq),
                Err(error) if unrecorded == Unrecorded::Refuse => return Err(error),
                Err(error) => {
                    tracing::error!(action = attempt.action, %error, "an action could not be recorded");
                    None
                }
            };
            let outcome = action.await;
            let mut detail = match &outcome {
                Ok(_) => "ok".to_owned(),
                Err(error) => format!("failed: {error}"),
            };
            if let Some(seq) = seq {
                detail.push_str(&format!(" (line {seq})"));
            }
            // The action has happened, and its intent is on record.
            if let Err(error) = log.record(attempt.entry(&detail)).await {
                tracing::error!(action = attempt.action, %error, "an outcome could not be recorded");
            }
            Ok(outcome)
        });
        task.await.map_err(|error| AuthError::Interrupted(error.to_string()))?
    }
}
