//! Login as a state machine on the server: password, a second factor if there is one, session.
//!
//! The result of a step is a type that only that step can make, so no step can be skipped.

use crate::audit::{AuditLog, Entry};
use crate::device::{DeviceId, DeviceKey};
use crate::error::AuthError;
use crate::password::PasswordHasher;
use crate::secret::{Password, Token};
use crate::session::{Session, SessionLimits, Sessions};
use crate::throttle::{Source, Throttle, Throttled, bounded_name};
use crate::unix_now;
use crate::user::{User, Users};
use sqlx::sqlite::SqlitePool;
use std::net::IpAddr;
use std::time::Duration;

/// State of a login after a step.
pub enum LoginState {
    /// Final state: all factors are proved and the session is open.
    In(SignedIn),
    /// The password is proved, and the client must prove the second factor next.
    SecondFactor(SecondFactor),
}

/// Second factor to be proved. The type has no value, because no kind exists yet: the first kind makes the
/// compiler report every place that must handle it.
pub enum SecondFactor {}

/// Result of a successful login.
pub struct SignedIn {
    /// User who logged in.
    pub user: User,
    /// Secret of the session, for the cookie; stored nowhere else.
    pub token: Token,
    /// New value of the browser's device cookie.
    pub device: String,
}

/// Client from which a login comes.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Address of the client.
    pub address: IpAddr,
    /// Value of the browser's device cookie; empty without one.
    pub device: &'a str,
}

/// Reason for which a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefused {
    /// The name is unknown or the password is wrong; the refusal does not say which.
    Failed,
    /// Too many attempts failed for the name or address; the duration is the wait until the next attempt.
    SlowDown(Duration),
}

/// Proof of the user's password, made by [`Login::prove_password`] alone.
struct PasswordProved {
    user: User,
    /// Hash of the password.
    hash: String,
}

/// Login of users: the state machine, with throttling and audit.
pub struct Login {
    /// Table of users.
    pub users: Users,
    /// Table of sessions.
    pub sessions: Sessions,
    /// Audit log, which has every login, failure and logout.
    pub audit: AuditLog,
    /// Hasher of passwords.
    pub hasher: PasswordHasher,
    throttle: Throttle,
    devices: DeviceKey,
}

impl Login {
    /// Makes a login over a database, with the lifetimes of its sessions, the audit log and the key of device
    /// tokens.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn new(
        db: SqlitePool,
        limits: SessionLimits,
        audit: AuditLog,
        devices: DeviceKey,
    ) -> Result<Self, AuthError> {
        Ok(Self {
            users: Users::new(db.clone()),
            sessions: Sessions::new(db, limits),
            audit,
            hasher: PasswordHasher::new()?,
            throttle: Throttle::default(),
            devices,
        })
    }

    /// Begins a login with a name and a password from a client, and proceeds as far as these suffice. A failure
    /// and a success are recorded in the audit log. The caller must run the future to its end, also when the
    /// client hangs up: otherwise a failure may not be recorded.
    ///
    /// # Errors
    /// The database or the hashing failed; a refusal is the inner error.
    pub async fn begin(
        &self,
        name: &str,
        password: Password,
        client: Client<'_>,
    ) -> Result<Result<LoginState, LoginRefused>, AuthError> {
        let name = bounded_name(name.trim()).to_lowercase();
        let source = match self.known_device(&name, client.device).await? {
            Some(device) => Source::Device(device),
            None => Source::Address(client.address),
        };
        match self.prove_password(&name, password, source, client.address, "login").await? {
            Ok(proved) => Ok(Ok(self.after_password(proved, client).await?)),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Returns the browser's identifier, if its device cookie has a valid token of the user.
    async fn known_device(&self, name: &str, cookie: &str) -> Result<Option<DeviceId>, AuthError> {
        if cookie.is_empty() {
            return Ok(None);
        }
        let found = self.users.with_hash(name).await?;
        Ok(found.and_then(|(user, hash)| self.devices.known(cookie, &user, &hash, unix_now())))
    }

    /// Records the login of a user whose password is proved, and then opens a session: without the record
    /// there is none.
    async fn after_password(
        &self,
        proved: PasswordProved,
        client: Client<'_>,
    ) -> Result<LoginState, AuthError> {
        let PasswordProved { user, hash } = proved;
        let address = client.address.to_canonical().to_string();
        let device = self.devices.remember(client.device, &user, &hash, unix_now())?;
        let entry = |detail| Entry {
            actor: &user.name,
            action: "login",
            address: &address,
            detail,
            ..Entry::default()
        };
        self.audit.record(entry("ok")).await?;
        match self.sessions.open(&user.id, &address, unix_now()).await {
            Ok(token) => Ok(LoginState::In(SignedIn { user, token, device })),
            Err(error) => {
                self.audit.record(entry(&format!("no session: {error}"))).await?;
                Err(error)
            }
        }
    }

    /// Checks a password, with throttling by the name and the source of the attempt. An unknown name takes as
    /// long as a wrong password. `action` is the name of a failure in the audit log.
    async fn prove_password(
        &self,
        name: &str,
        password: Password,
        source: Source,
        address: IpAddr,
        action: &'static str,
    ) -> Result<Result<PasswordProved, LoginRefused>, AuthError> {
        let mut admission = match self.throttle.admit(name, source).await {
            Ok(admission) => admission,
            Err(Throttled::Wait(wait)) => return Ok(Err(LoginRefused::SlowDown(wait))),
            Err(Throttled::Busy) => return Err(AuthError::Busy),
        };
        let found = self.users.with_hash(name).await?;
        let hash = found.as_ref().map(|(_, hash)| hash.clone());
        admission.places.begin();
        let matched = self.hasher.verify(hash, password, admission.turn).await?;
        match found {
            Some((user, hash)) if matched => {
                admission.places.give_back();
                Ok(Ok(PasswordProved { user, hash }))
            }
            _ => {
                let address = address.to_canonical().to_string();
                // Names are cut, so that unauthenticated clients cannot fill the log.
                let subject: String = name.chars().take(64).collect();
                let entry =
                    Entry { actor: "-", action, subject: &subject, address: &address, detail: "failed" };
                self.audit.record_bounded(action, entry).await?;
                Ok(Err(LoginRefused::Failed))
            }
        }
    }

    /// Records the logout in the audit log, and ends the session: also if the logout cannot be recorded, which
    /// is logged.
    ///
    /// # Errors
    /// The database failed.
    pub async fn logout(&self, session: &Session, address: IpAddr) -> Result<(), AuthError> {
        let address = address.to_canonical().to_string();
        let entry =
            Entry { actor: &session.user.name, action: "logout", address: &address, ..Entry::default() };
        if let Err(error) = self.audit.record(entry).await {
            tracing::error!(%error, "a logout could not be recorded");
        }
        self.sessions.end(session.id).await
    }

    /// Changes the password of a session's user, ends all other sessions of that user and all device tokens, and
    /// returns the new value of this browser's device cookie. Wrong old passwords are throttled by the session.
    /// The caller must run the future to its end, as that of [`Login::begin`].
    ///
    /// # Errors
    /// The new password breaks a rule, or the database or the hashing failed; a refusal is the inner error.
    pub async fn change_password(
        &self,
        session: &Session,
        old: Password,
        new: Password,
        client: Client<'_>,
    ) -> Result<Result<String, LoginRefused>, AuthError> {
        let name = &session.user.name;
        let source = Source::Device(DeviceId::of_session(session.id));
        if let Err(refused) = self.prove_password(name, old, source, client.address, "password").await? {
            return Ok(Err(refused));
        }
        let address = client.address.to_canonical().to_string();
        let entry =
            |detail| Entry { actor: name, action: "password", subject: name, address: &address, detail };
        let line = self.audit.record(entry("begun")).await?;
        let changed = self.replace_password(session, new, client.device).await;
        let outcome = match &changed {
            Ok(_) => format!("changed (line {line})"),
            Err(error) => format!("failed: {error} (line {line})"),
        };
        if let Err(error) = self.audit.record(entry(&outcome)).await {
            tracing::error!(%error, "an outcome could not be recorded");
        }
        changed.map(Ok)
    }

    /// Stores a new password, ends the other sessions of the user, and returns the new value of the device
    /// cookie `device`.
    async fn replace_password(
        &self,
        session: &Session,
        new: Password,
        device: &str,
    ) -> Result<String, AuthError> {
        let hash = self.hasher.hash(new).await?;
        self.users.set_password_hash(&session.user.id, &hash).await?;
        self.sessions.end_all(&session.user.id, Some(session.id)).await?;
        self.devices.remember(device, &session.user, &hash, unix_now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;
    use crate::testing::database;
    use crate::user::Role;
    use tempfile::TempDir;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const AT_HOME: Client<'_> = Client { address: HOME, device: "" };
    const LIMITS: SessionLimits =
        SessionLimits { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    async fn door_with_ada() -> (Login, SqlitePool, TempDir) {
        let db = database().await;
        let dir = tempfile::tempdir().unwrap();
        let audit = AuditLog::open(db.clone(), dir.path()).await.unwrap();
        let login = Login::new(db.clone(), LIMITS, audit, DeviceKey::random().unwrap()).unwrap();
        let hash = login.hasher.hash(password("right password")).await.unwrap();
        login.users.add("ada", Role::User, &hash, 0).await.unwrap();
        (login, db, dir)
    }

    async fn enter(login: &Login, name: &str, text: &str) -> Result<SignedIn, LoginRefused> {
        match login.begin(name, password(text), AT_HOME).await.unwrap() {
            Ok(LoginState::In(signed_in)) => Ok(signed_in),
            Ok(LoginState::SecondFactor(never)) => match never {},
            Err(refused) => Err(refused),
        }
    }

    async fn actions(db: &SqlitePool) -> Vec<(String, String)> {
        sqlx::query_as("SELECT action, detail FROM audit WHERE action <> 'audit.key' ORDER BY seq")
            .fetch_all(db)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_right_password_opens_a_session() {
        let (login, db, _dir) = door_with_ada().await;
        let signed_in = enter(&login, " Ada ", "right password").await.ok().unwrap();
        let session = login.sessions.find(&signed_in.token, unix_now()).await.unwrap().unwrap();
        assert_eq!(session.user.name, "ada");
        assert_eq!(actions(&db).await, [("login".into(), "ok".into())]);
    }

    #[tokio::test]
    async fn wrong_password_and_unknown_name_are_told_nothing_apart() {
        let (login, db, _dir) = door_with_ada().await;
        let wrong = enter(&login, "ada", "wrong password").await.err();
        let unknown = enter(&login, "eve", "wrong password").await.err();
        assert_eq!(wrong, Some(LoginRefused::Failed));
        assert_eq!(wrong, unknown);
        assert_eq!(actions(&db).await, vec![("login".to_owned(), "failed".to_owned()); 2]);
    }

    #[tokio::test]
    async fn repetition_is_slowed_down_for_known_and_unknown_names_alike() {
        for name in ["ada", "eve"] {
            let (login, _, _dir) = door_with_ada().await;
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
        let (login, _, _dir) = door_with_ada().await;
        let here = enter(&login, "ada", "right password").await.ok().unwrap();
        let elsewhere = enter(&login, "ada", "right password").await.ok().unwrap();
        let session = login.sessions.find(&here.token, unix_now()).await.unwrap().unwrap();

        let refused = login
            .change_password(&session, password("wrong password"), password("another password"), AT_HOME)
            .await
            .unwrap();
        assert_eq!(refused.err(), Some(LoginRefused::Failed));
        assert!(login.sessions.holds(SessionId::of(&elsewhere.token), unix_now()).await.unwrap());

        let changed = login
            .change_password(&session, password("right password"), password("another password"), AT_HOME)
            .await
            .unwrap();
        assert!(changed.is_ok());
        assert!(login.sessions.holds(session.id, unix_now()).await.unwrap());
        assert!(!login.sessions.holds(SessionId::of(&elsewhere.token), unix_now()).await.unwrap());
        assert!(enter(&login, "ada", "right password").await.is_err());
        assert!(enter(&login, "ada", "another password").await.is_ok());
    }

    #[tokio::test]
    async fn logout_ends_the_session() {
        let (login, _, _dir) = door_with_ada().await;
        let signed_in = enter(&login, "ada", "right password").await.ok().unwrap();
        let session = login.sessions.find(&signed_in.token, unix_now()).await.unwrap().unwrap();
        login.logout(&session, HOME).await.unwrap();
        assert!(login.sessions.find(&signed_in.token, unix_now()).await.unwrap().is_none());
    }

    /// Guesses a password many times at once or one after the other, and returns the number of guesses for which
    /// a hash was computed.
    async fn tries(guesses: usize, at_once: bool) -> usize {
        let (login, db, _dir) = door_with_ada().await;
        let login = std::sync::Arc::new(login);
        let guess = |number: usize| {
            let login = std::sync::Arc::clone(&login);
            async move {
                let address = IpAddr::from([10, (number / 65536) as u8, (number / 256) as u8, number as u8]);
                let client = Client { address, device: "" };
                matches!(login.begin("ada", password("a guess"), client).await, Ok(Err(LoginRefused::Failed)))
            }
        };
        let mut tasks = tokio::task::JoinSet::new();
        let mut failed = 0;
        for number in 0..guesses {
            tasks.spawn(guess(number));
            while !at_once && let Some(done) = tasks.join_next().await {
                failed += usize::from(done.unwrap());
            }
        }
        failed += tasks.join_all().await.into_iter().filter(|failed| *failed).count();
        assert_eq!(actions(&db).await.len(), failed);
        failed
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn guesses_at_once_get_no_more_tries_than_guesses_one_after_the_other() {
        let one_by_one = tries(20, false).await;
        assert_eq!(tries(10_000, true).await, one_by_one);
    }

    #[tokio::test]
    async fn a_browser_is_known_to_its_user_until_the_password_changes() {
        let (login, _db, _dir) = door_with_ada().await;
        let device = enter(&login, "ada", "right password").await.ok().unwrap().device;
        assert!(login.known_device("ada", &device).await.unwrap().is_some());
        assert!(login.known_device("eve", &device).await.unwrap().is_none());
        let signed_in = enter(&login, "ada", "right password").await.ok().unwrap();
        let session = login.sessions.find(&signed_in.token, unix_now()).await.unwrap().unwrap();
        let client = Client { device: &device, ..AT_HOME };
        let changed =
            login.change_password(&session, password("right password"), password("another password"), client);
        let fresh = changed.await.unwrap().unwrap();
        assert!(login.known_device("ada", &device).await.unwrap().is_none());
        assert!(login.known_device("ada", &fresh).await.unwrap().is_some());
    }
}
