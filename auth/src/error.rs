//! Errors of authentication other than a refused login.

/// Error of authentication: a failure, or input that breaks a rule. A refused login is
/// [`crate::LoginRefused`] instead.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The database failed or could not be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The kernel gave no random bytes.
    #[error("the system gave no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// A file of the audit log could not be read or written.
    #[error("the audit log's files audit.key and audit.head failed: {0}")]
    AuditFile(std::io::Error),
    /// A task ended before it was done.
    #[error("the action was interrupted: {0}")]
    Interrupted(String),
    /// Too many passwords are being hashed at the same time.
    #[error("too many users are logging in at this moment; try again in a few seconds")]
    Busy,
    /// A password could not be hashed, or a stored hash is damaged.
    #[error("the password could not be checked: {0}")]
    Hash(String),
    /// A name breaks a rule, which is the text.
    #[error("{0}")]
    BadName(&'static str),
    /// A password breaks a rule, which is the text.
    #[error("{0}")]
    BadPassword(&'static str),
    /// Another user has the name.
    #[error("there is already a user named {0}")]
    NameTaken(String),
}
