//! CSRF tokens, which prove that a request comes from one of the server's pages.
//!
//! A token is an HMAC-SHA-256 under the session's secret. So it is bound to the session, needs no storage,
//! and does not reveal the secret.

use crate::secret::Token;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Message of the HMAC, which separates these tokens from other uses of the secret.
const PURPOSE: &[u8] = b"oriel csrf 1";

/// Returns the CSRF token of the session with the given secret.
pub fn token_for(session: &Token) -> String {
    BASE64URL_NOPAD.encode(&mac(session))
}

/// Returns whether `presented` is the session's CSRF token, in constant time for texts of the same length.
pub fn matches(session: &Token, presented: &str) -> bool {
    token_for(session).as_bytes().ct_eq(presented.as_bytes()).into()
}

/// Computes the HMAC (RFC 2104) under a session's secret.
fn mac(session: &Token) -> [u8; 32] {
    // HMAC fills a short key up with zeros to the hash's block of 64 bytes (RFC 2104, section 2).
    let mut key = Zeroizing::new([0; 64]);
    key.iter_mut().zip(session.bytes()).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new((&*key).into());
    mac.update(PURPOSE);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_own_session_only() {
        let (mine, other) = (Token::random().unwrap(), Token::random().unwrap());
        let token = token_for(&mine);
        assert!(matches(&mine, &token));
        assert!(!matches(&other, &token));
        assert!(!matches(&mine, ""));
        assert!(!matches(&mine, &token[1..]));
        assert_ne!(token, *mine.reveal());
    }
}
