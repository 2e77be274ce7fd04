//! Error of a command to a desktop.

use oriel_host::DesktopError;

/// Error of a command to a desktop. Each text is a sentence for the user, with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The desktop's host refused or failed the command.
    #[error(transparent)]
    Host(#[from] DesktopError),
    /// The database failed.
    #[error("The server's database failed; an administrator finds the reason in its log.")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for BrokerError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the database failed");
        Self::Database(error)
    }
}
