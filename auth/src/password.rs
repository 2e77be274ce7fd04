//! Hashing and checking passwords with argon2id.
//!
//! Parameters: 19 MiB, two passes, one lane, as the OWASP Password Storage Cheat Sheet gives them.
//! A hash takes tens of milliseconds of a processor, so hashes are made on the blocking pool, few
//! at a time, and a queue that grows too long is refused instead of being worked off late.

use crate::error::AuthError;
use crate::secret::Password;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_LEN: usize = 16;
/// The shortest password that may be set, in characters.
const SHORTEST: usize = 8;
/// The longest password looked at, in bytes; longer ones only cost time.
const LONGEST: usize = 1024;
/// Hashes computed at once.
const AT_ONCE: usize = 2;
/// Hashes computed or waited for.
const IN_LINE: usize = 64;

/// Makes and checks password hashes in PHC string form.
#[derive(Clone)]
pub struct PasswordHasher {
    line: Arc<Semaphore>,
    work: Arc<Semaphore>,
    /// Checked in place of the hash that an unknown user does not have.
    decoy: Arc<str>,
}

impl PasswordHasher {
    /// Hasher with a decoy hash, which makes an unknown name take as long as a wrong password.
    ///
    /// # Errors
    /// No random bytes.
    pub fn new() -> Result<Self, AuthError> {
        let decoy = hash(&Password::new(crate::secret::random_id()?))?;
        Ok(Self {
            line: Arc::new(Semaphore::new(IN_LINE)),
            work: Arc::new(Semaphore::new(AT_ONCE)),
            decoy: decoy.into(),
        })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// The password breaks a rule, or too many are being hashed.
    pub async fn hash(&self, password: Password) -> Result<String, AuthError> {
        check_rules(&password)?;
        self.in_turn(move || hash(&password)).await
    }

    /// Whether the password is the one behind `stored`. With `None` the answer is no and takes as long.
    ///
    /// # Errors
    /// Too many passwords are being checked, or the stored hash is damaged.
    pub async fn verify(&self, stored: Option<String>, password: Password) -> Result<bool, AuthError> {
        if password.bytes().len() > LONGEST {
            return Ok(false);
        }
        let decoy = Arc::clone(&self.decoy);
        self.in_turn(move || {
            let known = stored.is_some();
            let matched = verify(stored.as_deref().unwrap_or(&decoy), &password)?;
            Ok(known && matched)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let _place = self.line.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = Arc::clone(&self.work).acquire_owned().await.map_err(|_| AuthError::Busy)?;
        // The turn goes with the work: a caller who hangs up does not free it early.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| AuthError::Hash(error.to_string()))?
    }
}

/// Refuses passwords that may not be set.
fn check_rules(password: &Password) -> Result<(), AuthError> {
    if password.text().chars().count() < SHORTEST {
        return Err(AuthError::BadPassword("A password needs at least 8 characters; choose a longer one."));
    }
    if password.bytes().len() > LONGEST {
        return Err(AuthError::BadPassword("A password has at most 1024 bytes; choose a shorter one."));
    }
    Ok(())
}

fn argon2id() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| AuthError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Password) -> Result<String, AuthError> {
    let mut salt = [0; SALT_LEN];
    getrandom::fill(&mut salt)?;
    let hash: PasswordHash = argon2id()?
        .hash_password_with_salt(password.bytes(), &salt)
        .map_err(|error| AuthError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

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
        assert!(hasher.verify(Some(stored.clone()), password("correct horse")).await.unwrap());
        assert!(!hasher.verify(Some(stored), password("correct horsf")).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let hasher = PasswordHasher::new().unwrap();
        assert!(!hasher.verify(None, password("correct horse")).await.unwrap());
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
        let answer = hasher.verify(Some("$argon2id$nonsense".into()), password("correct horse")).await;
        assert!(matches!(answer, Err(AuthError::Hash(_))));
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_at_once() {
        let hasher = PasswordHasher::new().unwrap();
        let _places = hasher.line.try_acquire_many(IN_LINE as u32).unwrap();
        let answer = hasher.verify(None, password("correct horse")).await;
        assert!(matches!(answer, Err(AuthError::Busy)));
    }
}
