//! Login: one state machine on the server. Password, then a second factor where there is one, then
//! a session. A step is a type that only the step before it can make, so none can be skipped.

use crate::audit::{AuditLog, Entry};
use crate::error::AuthError;
use crate::password::PasswordHasher;
use crate::secret::{Password, Token};
use crate::session::{Session, SessionLimits, Sessions};
use crate::throttle::Throttle;
use crate::unix_now;
use crate::user::{User, Users};
use sqlx::sqlite::SqlitePool;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// State of a login after one step.
pub enum LoginState {
    /// All factors are proved: the session is open.
    In(SignedIn),
    /// The password is proved and this is asked for next.
    SecondFactor(SecondFactor),
}

/// A second factor to be proved. There is no kind of it, so no value either; the first kind that is
/// added makes the compiler point at every place that must ask for it.
pub enum SecondFactor {}

/// A user who has just come in.
pub struct SignedIn {
    /// User who logged in.
    pub user: User,
    /// Secret of the session, for the cookie; stored nowhere else.
    pub token: Token,
}

/// Reason for which a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefused {
    /// An unknown name or a wrong password; which one is not told.
    Failed,
    /// Too many attempts failed for this name or address; the next one is allowed after the given time.
    SlowDown(Duration),
}

/// The password is right; made by [`Login::prove_password`] alone.
struct PasswordProved(User);

/// Login: the state machine from a password to an open session, with throttling and audit.
pub struct Login {
    /// Table of users.
    pub users: Users,
    /// Table of sessions.
    pub sessions: Sessions,
    /// The log of all this.
    pub audit: AuditLog,
    /// Hasher of passwords.
    pub hasher: PasswordHasher,
    throttle: Throttle,
}

impl Login {
    /// Over the given database.
    ///
    /// # Errors
    /// No random bytes.
    pub fn new(db: SqlitePool, limits: SessionLimits) -> Result<Self, AuthError> {
        Ok(Self {
            users: Users::new(db.clone()),
            sessions: Sessions::new(db.clone(), limits),
            audit: AuditLog::new(db),
            hasher: PasswordHasher::new()?,
            throttle: Throttle::default(),
        })
    }

    /// Begins a login with a name and a password, and goes as far as these lead.
    ///
    /// # Errors
    /// The machinery failed; a refusal is the inner error.
    pub async fn begin(
        &self,
        name: &str,
        password: Password,
        address: IpAddr,
    ) -> Result<Result<LoginState, LoginRefused>, AuthError> {
        match self.prove_password(name, password, address, "login").await? {
            Ok(proved) => Ok(Ok(self.after_password(proved, address).await?)),
            Err(refused) => Ok(Err(refused)),
        }
    }

    async fn after_password(&self, proved: PasswordProved, address: IpAddr) -> Result<LoginState, AuthError> {
        let PasswordProved(user) = proved;
        let address = address.to_canonical().to_string();
        let token = self.sessions.open(&user.id, &address, unix_now()).await?;
        let entry =
            Entry { actor: &user.name, action: "login", address: &address, detail: "ok", ..Entry::default() };
        self.audit.record(entry).await?;
        Ok(LoginState::In(SignedIn { user, token }))
    }

    async fn prove_password(
        &self,
        name: &str,
        password: Password,
        address: IpAddr,
        action: &str,
    ) -> Result<Result<PasswordProved, LoginRefused>, AuthError> {
        let name = name.trim().to_lowercase();
        let attempt = match self.throttle.begin(&name, address, Instant::now()) {
            Ok(attempt) => attempt,
            Err(wait) => return Ok(Err(LoginRefused::SlowDown(wait))),
        };
        let (user, hash) = self.users.with_hash(&name).await?.unzip();
        let matched = self.hasher.verify(hash, password).await?;
        match user {
            Some(user) if matched => {
                self.throttle.succeeded(attempt);
                Ok(Ok(PasswordProved(user)))
            }
            _ => {
                let address = address.to_canonical().to_string();
                // A name that is too long to be one is cut: the log is not for strangers to fill.
                let subject: String = name.chars().take(64).collect();
                let entry =
                    Entry { actor: "-", action, subject: &subject, address: &address, detail: "failed" };
                self.audit.record(entry).await?;
                Ok(Err(LoginRefused::Failed))
            }
        }
    }

    /// Ends a session and records the logout.
    ///
    /// # Errors
    /// The database failed.
    pub async fn logout(&self, session: &Session, address: IpAddr) -> Result<(), AuthError> {
        self.sessions.end(session.id).await?;
        let address = address.to_canonical().to_string();
        self.audit
            .record(Entry {
                actor: &session.user.name,
                action: "logout",
                address: &address,
                ..Entry::default()
            })
            .await
    }

    /// Changes the password of a session's user and ends all other sessions of that user. Wrong guesses of
    /// the old password are slowed down as at login.
    ///
    /// # Errors
    /// The new password breaks a rule, or the machinery failed; a refusal is the inner error.
    pub async fn change_password(
        &self,
        session: &Session,
        old: Password,
        new: Password,
        address: IpAddr,
    ) -> Result<Result<(), LoginRefused>, AuthError> {
        let name = &session.user.name;
        if let Err(refused) = self.prove_password(name, old, address, "password").await? {
            return Ok(Err(refused));
        }
        let hash = self.hasher.hash(new).await?;
        self.users.set_password_hash(&session.user.id, &hash).await?;
        self.sessions.end_all(&session.user.id, Some(session.id)).await?;
        let address = address.to_canonical().to_string();
        self.audit
            .record(Entry {
                actor: name,
                action: "password",
                subject: name,
                address: &address,
                detail: "changed",
            })
            .await?;
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;
    use crate::testing::database;
    use crate::user::Role;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LIMITS: SessionLimits =
        SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    async fn door_with_ada() -> (Login, SqlitePool) {
        let db = database().await;
        let login = Login::new(db.clone(), LIMITS).unwrap();
        let hash = login.hasher.hash(password("right password")).await.unwrap();
        login.users.add("ada", Role::User, &hash, 0).await.unwrap();
        (login, db)
    }

    async fn enter(login: &Login, name: &str, text: &str) -> Result<SignedIn, LoginRefused> {
        match login.begin(name, password(text), HOME).await.unwrap() {
            Ok(LoginState::In(signed_in)) => Ok(signed_in),
            Ok(LoginState::SecondFactor(never)) => match never {},
            Err(refused) => Err(refused),
        }
    }

    async fn actions(db: &SqlitePool) -> Vec<(String, String)> {
        sqlx::query_as("SELECT action, detail FROM audit ORDER BY seq").fetch_all(db).await.unwrap()
    }

    #[tokio::test]
    async fn the_right_password_opens_a_session() {
        let (login, db) = door_with_ada().await;
        let signed_in = enter(&login, " Ada ", "right password").await.ok().unwrap();
        let session = login.sessions.find(&signed_in.token, unix_now()).await.unwrap().unwrap();
        assert_eq!(session.user.name, "ada");
        assert_eq!(actions(&db).await, [("login".into(), "ok".into())]);
    }

    #[tokio::test]
    async fn wrong_password_and_unknown_name_are_told_nothing_apart() {
        let (login, db) = door_with_ada().await;
        let wrong = enter(&login, "ada", "wrong password").await.err();
        let unknown = enter(&login, "eve", "wrong password").await.err();
        assert_eq!(wrong, Some(LoginRefused::Failed));
        assert_eq!(wrong, unknown);
        assert_eq!(actions(&db).await, vec![("login".to_owned(), "failed".to_owned()); 2]);
    }

    #[tokio::test]
    async fn repetition_is_slowed_down_for_known_and_unknown_names_alike() {
        for name in ["ada", "eve"] {
            let (login, _) = door_with_ada().await;
            for _ in 0..6 {
                assert_eq!(enter(&login, name, "wrong password").await.err(), Some(LoginRefused::Failed));
            }
            assert!(matches!(
                enter(&login, name, "right password").await.err(),
                Some(LoginRefused::SlowDown(_))
            ));
        }
    }

    #[tokio::test]
    async fn a_new_password_needs_the_old_one_and_ends_the_other_sessions() {
        let (login, _) = door_with_ada().await;
        let here = enter(&login, "ada", "right password").await.ok().unwrap();
        let elsewhere = enter(&login, "ada", "right password").await.ok().unwrap();
        let session = login.sessions.find(&here.token, unix_now()).await.unwrap().unwrap();

        let refused = login
            .change_password(&session, password("wrong password"), password("another password"), HOME)
            .await
            .unwrap();
        assert_eq!(refused, Err(LoginRefused::Failed));
        assert!(login.sessions.holds(SessionId::of(&elsewhere.token), unix_now()).await.unwrap());

        let changed = login
            .change_password(&session, password("right password"), password("another password"), HOME)
            .await
            .unwrap();
        assert_eq!(changed, Ok(()));
        assert!(login.sessions.holds(session.id, unix_now()).await.unwrap());
        assert!(!login.sessions.holds(SessionId::of(&elsewhere.token), unix_now()).await.unwrap());
        assert!(enter(&login, "ada", "right password").await.is_err());
        assert!(enter(&login, "ada", "another password").await.is_ok());
    }

    #[tokio::test]
    async fn logout_ends_the_session() {
        let (login, _) = door_with_ada().await;
        let signed_in = enter(&login, "ada", "right password").await.ok().unwrap();
        let session = login.sessions.find(&signed_in.token, unix_now()).await.unwrap().unwrap();
        login.logout(&session, HOME).await.unwrap();
        assert!(login.sessions.find(&signed_in.token, unix_now()).await.unwrap().is_none());
    }
}
