//! Why the broker does not follow an order.

use oriel_host::DesktopError;

/// Why an order for a desktop was refused or failed. Every text is one sentence for people, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The desktop's host refused, or failed.
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
