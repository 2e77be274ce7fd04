//! What can go wrong besides a refusal.

/// A failure of the machinery; a refusal is never one.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The database failed or could not be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The kernel gave no random bytes.
    #[error("the system has no random numbers to give: {0}")]
    Random(#[from] getrandom::Error),
    /// Too many passwords are being checked at once.
    #[error("too many people are logging in at this moment; try again in a few seconds")]
    Busy,
    /// A password could not be hashed, or a stored hash is damaged.
    #[error("the password could not be checked: {0}")]
    Hash(String),
    /// A name that may not be used, with the rule.
    #[error("{0}")]
    BadName(&'static str),
    /// A password that may not be used, with the rule.
    #[error("{0}")]
    BadPassword(&'static str),
    /// The name is taken.
    #[error("there is already a user named {0}")]
    NameTaken(String),
}
