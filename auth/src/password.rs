//! Password hashes with argon2id (RFC 9106), stored as PHC strings.
//!
//! The parameters are those of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. A hash
//! takes tens of milliseconds of processor time, so a few at a time are computed on blocking threads. When
//! the queue is full, further requests are refused at once.

use crate::error::AuthError;
use crate::secret::Password;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory of a hash in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Number of passes over the memory.
const PASSES: u32 = 2;
/// Number of lanes.
const LANES: u32 = 1;
/// Length of the salt in bytes.
const SALT_LEN: usize = 16;
/// Minimum length of a new password in characters.
const SHORTEST: usize = 8;
/// Maximum length of a password in bytes.
const LONGEST: usize = 1024;
/// Maximum number of hashes that are computed at the same time.
const AT_ONCE: usize = 2;
/// Maximum number of hashes that are computed or wait.
const IN_LINE: usize = 64;

/// Hasher of passwords with a bounded queue.
#[derive(Clone)]
pub struct PasswordHasher {
    line: Arc<Semaphore>,
    work: Arc<Semaphore>,
    /// Hash that is checked for an unknown user.
    decoy: Arc<str>,
}

impl PasswordHasher {
    /// Makes a hasher with a decoy hash, which makes an unknown name take as long as a wrong password.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn new() -> Result<Self, AuthError> {
        let decoy = hash(&Password::new(crate::secret::random_id()?))?;
        Ok(Self {
            line: Arc::new(Semaphore::new(IN_LINE)),
            work: Arc::new(Semaphore::new(AT_ONCE)),
            decoy: decoy.into(),
        })
    }

    /// Hashes a new password, after a check of the rules, and returns the hash as a PHC string.
    ///
    /// # Errors
    /// [`AuthError::BadPassword`] for a broken rule, [`AuthError::Busy`] for a full queue.
    pub async fn hash(&self, password: Password) -> Result<String, AuthError> {
        check_rules(&password)?;
        self.in_turn(move || hash(&password)).await
    }

    /// Returns whether a password matches the hash `stored`. For `None` the result is `false`, after the same
    /// time. `turn` is dropped when the work is done, also if the caller is gone by then.
    ///
    /// # Errors
    /// [`AuthError::Busy`] for a full queue, [`AuthError::Hash`] for a damaged hash.
    pub async fn verify(
        &self,
        stored: Option<String>,
        password: Password,
        turn: impl Send + 'static,
    ) -> Result<bool, AuthError> {
        if password.bytes().len() > LONGEST {
            return Ok(false);
        }
        let decoy = Arc::clone(&self.decoy);
        self.in_turn(move || {
            let _turn = turn;
            let known = stored.is_some();
            let matched = verify(stored.as_deref().unwrap_or(&decoy), &password)?;
            Ok(known && matched)
        })
        .await
    }

    /// Runs work on a blocking thread when its turn comes.
    ///
    /// # Errors
    /// [`AuthError::Busy`] for a full queue.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let _place = self.line.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = Arc::clone(&self.work).acquire_owned().await.map_err(|_| AuthError::Busy)?;
        // The work owns the permit: a caller that drops the future does not release it early.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| AuthError::Hash(error.to_string()))?
    }
}

/// Checks the length of a new password.
fn check_rules(password: &Password) -> Result<(), AuthError> {
    if password.text().chars().count() < SHORTEST {
        return Err(AuthError::BadPassword("A password needs at least 8 characters; choose a longer one."));
    }
    if password.bytes().len() > LONGEST {
        return Err(AuthError::BadPassword("A password has at most 1024 bytes; choose a shorter one."));
    }
    Ok(())
}

/// Returns argon2id with this module's parameters.
fn argon2id() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| AuthError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a random salt.
fn hash(password: &Password) -> Result<String, AuthError> {
    let mut salt = [0; SALT_LEN];
    getrandom::fill(&mut salt)?;
    let hash: PasswordHash = argon2id()?
        .hash_password_with_salt(password.bytes(), &salt)
        .map_err(|error| AuthError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

/// Verifies a password against a PHC string.
fn verify(stored: &str, password: &Password) -> Result<bool, AuthError> {
    let parsed = PasswordHash::new(stored).map_err(|error| AuthError::Hash(error.to_string()))?;
    match argon2id()?.verify_password(password.bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(AuthError::Hash(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn the_right_password_and_no_other_is_accepted() {
        let hasher = PasswordHasher::new().unwrap();
        let stored = hasher.hash(password("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher.verify(Some(stored.clone()), password("correct horse"), ()).await.unwrap());
        assert!(!hasher.verify(Some(stored), password("correct horsf"), ()).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let hasher = PasswordHasher::new().unwrap();
        assert!(!hasher.verify(None, password("correct horse"), ()).await.unwrap());
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = PasswordHasher::new().unwrap();
        let one = hasher.hash(password("correct horse")).await.unwrap();
        let two = hasher.hash(password("correct horse")).await.unwrap();
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_not_set() {
        let hasher = PasswordHasher::new().unwrap();
        for text in ["", "seven77", &"x".repeat(1025)] {
            assert!(matches!(hasher.hash(password(text)).await, Err(AuthError::BadPassword(_))));
        }
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_refusal() {
        let hasher = PasswordHasher::new().unwrap();
        let answer = hasher.verify(Some("$argon2id$nonsense".into()), password("correct horse"), ()).await;
        assert!(matches!(answer, Err(AuthError::Hash(_))));
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_at_once() {
        let hasher = PasswordHasher::new().unwrap();
        let _places = hasher.line.try_acquire_many(IN_LINE as u32).unwrap();
        let answer = hasher.verify(None, password("correct horse"), ()).await;
        assert!(matches!(answer, Err(AuthError::Busy)));
    }
}
