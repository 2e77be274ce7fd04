//! Authentication and audit: users and roles, passwords, sessions, tickets, origins, and the audit log.
//!
//! The server calls this crate from its HTTP handlers and its command line. The crate has tables of its own,
//! made by [`migrations`] in one numbering with the server's. Desktops, pools and HTTP are not part of it.

pub mod audit;
pub mod csrf;
pub mod device;
pub mod error;
pub mod login;
pub mod network;
pub mod origin;
pub mod password;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod ticket;
pub mod user;

pub use audit::{Attempt, AuditLog, Entry, Unrecorded};
pub use device::DeviceKey;
pub use error::AuthError;
pub use login::{Client, Login, LoginRefused, LoginState, SignedIn};
pub use network::Network;
pub use origin::{Origins, PublicUrl, Scheme};
pub use password::PasswordHasher;
pub use secret::{Password, Token, TokenHash};
pub use session::{OpenSession, Session, SessionId, SessionLimits, SessionState, Sessions};
pub use throttle::Throttle;
pub use ticket::{TicketScope, Tickets};
pub use user::{AccountState, Role, User, Users};

/// Returns the migrations of this crate's tables.
pub fn migrations() -> Vec<sqlx::migrate::Migration> {
    sqlx::migrate!("./migrations").iter().cloned().collect()
}

/// Returns the current time in seconds since 1970 UTC, the unit of all times in the tables.
pub fn unix_now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

#[cfg(test)]
mod testing {
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

    /// A fresh database in memory with this crate's tables.
    pub async fn database() -> SqlitePool {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        // One connection: each connection to an in-memory database is a database of its own.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .unwrap();
        sqlx::migrate::Migrator::with_migrations(crate::migrations()).run(&pool).await.unwrap();
        pool
    }
}
