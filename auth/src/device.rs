//! Device tokens: proof that a user has logged in before in a browser.
//!
//! A token opens nothing. A login with a token is throttled apart from strangers, so that guessers cannot keep
//! the user out. A token is bound to the user and to the password's hash, so a new password ends it. One cookie
//! holds the tokens of several users, because a thin client is shared.

use crate::error::AuthError;
use crate::session::SessionId;
use crate::user::User;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Lifetime of a device token, the longest that browsers keep a cookie (RFC 6265bis, section 5.6).
pub const LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);

/// Maximum number of tokens in a cookie; beyond it the oldest is dropped.
const TOKENS: usize = 8;
/// Message of the HMAC, which separates these tokens from other uses of the key.
const PURPOSE: &[u8] = b"oriel device 1";
/// Lengths of a token's parts in bytes: identifier, time of issue, and HMAC.
const PARTS: [usize; 3] = [16, 8, 32];

/// Identifier of a browser for a user. It is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId(pub(crate) [u8; 16]);

impl DeviceId {
    /// Returns an identifier for the browser of an open session.
    pub(crate) fn of_session(session: SessionId) -> Self {
        let mut id = [0; 16];
        id.iter_mut().zip(session.bytes()).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

/// Key that signs device tokens, wiped from memory when dropped.
pub struct DeviceKey(Zeroizing<[u8; 32]>);

impl DeviceKey {
    /// Makes a key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Makes a random key, whose tokens end with the process.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn random() -> Result<Self, AuthError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self::new(bytes))
    }

    /// Returns the browser for which a cookie has a valid token of the user; `None` without one.
    pub(crate) fn known(&self, cookie: &str, user: &User, password_hash: &str, now: i64) -> Option<DeviceId> {
        let mut valid = tokens(cookie).filter_map(|text| self.check(text, user, password_hash, now));
        valid.next()
    }

    /// Returns the cookie with a new token of the user, which replaces the user's valid one and keeps those of
    /// other users.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub(crate) fn remember(
        &self,
        cookie: &str,
        user: &User,
        password_hash: &str,
        now: i64,
    ) -> Result<String, AuthError> {
        // The same identifier: a login gives no fresh budget.
        let id = match self.known(cookie, user, password_hash, now) {
            Some(known) => known,
            None => {
                let mut id = [0; 16];
                getrandom::fill(&mut id)?;
                DeviceId(id)
            }
        };
        let issued = now.to_be_bytes();
        let mac: [u8; 32] = self.mac(&id.0, &issued, user, password_hash).finalize().into_bytes().into();
        let fresh = BASE64URL_NOPAD.encode(&[&id.0[..], &issued, &mac].concat());
        let others = tokens(cookie).filter(|text| self.check(text, user, password_hash, now).is_none());
        Ok(std::iter::once(fresh.as_str()).chain(others).take(TOKENS).collect::<Vec<_>>().join("."))
    }

    /// Returns the browser of a token that is valid for the user.
    fn check(&self, text: &str, user: &User, password_hash: &str, now: i64) -> Option<DeviceId> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let [id_len, issued_len, mac_len] = PARTS;
        let (id, rest) = bytes.split_at_checked(id_len)?;
        let (issued, mac) = rest.split_at_checked(issued_len)?;
        let (id, issued): ([u8; 16], [u8; 8]) = (id.try_into().ok()?, issued.try_into().ok()?);
        let expected = self.mac(&id, &issued, user, password_hash).finalize().into_bytes();
        let age = now.checked_sub(i64::from_be_bytes(issued))?;
        let fresh = u64::try_from(age).is_ok_and(|age| age < LIFETIME.as_secs());
        let signed = mac.len() == mac_len && bool::from(mac.ct_eq(expected.as_slice()));
        (signed && fresh).then_some(DeviceId(id))
    }

    /// Prepares the HMAC (RFC 2104) of a token.
    fn mac(&self, id: &[u8; 16], issued: &[u8; 8], user: &User, password_hash: &str) -> Hmac<Sha256> {
        // HMAC fills a short key up with zeros to the hash's block of 64 bytes (RFC 2104, section 2).
        let mut key = Zeroizing::new([0; 64]);
        key.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new((&*key).into());
        mac.update(PURPOSE);
        mac.update(id);
        mac.update(issued);
        // Of fixed length, so that no two users and hashes make the same message.
        mac.update(&Sha256::digest(user.id.as_bytes()));
        mac.update(&Sha256::digest(password_hash.as_bytes()));
        mac
    }
}

/// Returns the texts of the tokens in a cookie.
fn tokens(cookie: &str) -> impl Iterator<Item = &str> {
    let longest = BASE64URL_NOPAD.encode_len(PARTS.iter().sum());
    cookie.split('.').take(TOKENS).filter(move |text| text.len() == longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::Role;

    fn user(id: &str) -> User {
        User { id: id.into(), name: id.into(), display_name: id.into(), role: Role::User, disabled: false }
    }

    #[test]
    fn a_token_is_valid_for_its_user_and_password_until_it_is_old() {
        let key = DeviceKey::random().unwrap();
        let ada = user("ada");
        let cookie = key.remember("", &ada, "hash", 1000).unwrap();
        let end = 1000 + i64::try_from(LIFETIME.as_secs()).unwrap();
        assert!(key.known(&cookie, &ada, "hash", 1000).is_some());
        assert!(key.known(&cookie, &ada, "hash", end - 1).is_some());
        assert!(key.known(&cookie, &ada, "hash", end).is_none());
        assert!(key.known(&cookie, &ada, "hash", 999).is_none());
        assert!(key.known(&cookie, &ada, "another hash", 1001).is_none());
        assert!(key.known(&cookie, &user("eve"), "hash", 1001).is_none());
        assert!(DeviceKey::random().unwrap().known(&cookie, &ada, "hash", 1001).is_none());
    }

    #[test]
    fn forged_tokens_are_none() {
        let key = DeviceKey::random().unwrap();
        let ada = user("ada");
        let cookie = key.remember("", &ada, "hash", 1000).unwrap();
        for at in 0..cookie.len() - 1 {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert!(key.known(std::str::from_utf8(&forged).unwrap(), &ada, "hash", 1000).is_none(), "{at}");
        }
        for text in ["", ".", "é", &cookie[1..], &"A".repeat(75), &"A.".repeat(1000)] {
            assert!(key.known(text, &ada, "hash", 1000).is_none(), "{text}");
        }
    }

    #[test]
    fn users_share_a_browser_and_one_of_them_is_there_once() {
        let key = DeviceKey::random().unwrap();
        let (ada, eve) = (user("ada"), user("eve"));
        let cookie = key.remember("nonsense", &ada, "a", 1000).unwrap();
        let cookie = key.remember(&cookie, &eve, "e", 1001).unwrap();
        let again = key.remember(&cookie, &ada, "a", 1002).unwrap();
        assert_eq!(again.split('.').count(), 2);
        assert_eq!(key.known(&again, &ada, "a", 1002), key.known(&cookie, &ada, "a", 1002));
        assert!(key.known(&again, &eve, "e", 1002).is_some());
        let crowded = (0..20).fold(again, |cookie, number| {
            key.remember(&cookie, &user(&number.to_string()), "x", 1003).unwrap()
        });
        assert_eq!(crowded.split('.').count(), TOKENS);
        assert!(key.known(&crowded, &user("19"), "x", 1003).is_some());
    }
}
