//! Tokens that prove a request was written by our own page.
//!
//! The token is an HMAC under the session's secret, so it is bound to the session, needs no
//! storage, and tells nothing of the secret.

use crate::secret::Token;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PURPOSE: &[u8] = b"oriel csrf 1";

/// The token for the session that `session` opens.
pub fn token_for(session: &Token) -> String {
    BASE64URL_NOPAD.encode(&mac(session))
}

/// Whether `presented` is the session's token. Takes the same time wherever they differ.
pub fn matches(session: &Token, presented: &str) -> bool {
    token_for(session).as_bytes().ct_eq(presented.as_bytes()).into()
}

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
