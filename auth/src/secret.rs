//! Secrets: passwords and tokens, which are wiped from memory when dropped and have no `Debug`, so that none
//! is logged.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Password in plain text, wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Makes a password from its text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Token of 256 random bits: the secret of a session or a ticket.
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// Makes a token of random bytes.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// Parses the text of [`Token::reveal`]; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self(bytes))
    }

    /// Returns the token's text for its holder: 43 characters of base64url (RFC 4648, section 5).
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(self.0.as_ref()))
    }

    /// Returns the token's SHA-256, which is stored in place of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_ref()).into())
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// SHA-256 of a [`Token`]. A token has 256 bits of entropy, so a search for the token of a hash is
/// infeasible.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TokenHash(pub(crate) [u8; 32]);

impl TokenHash {
    /// Makes a hash from 32 bytes; `None` for another length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Returns a random identifier of 128 bits as 32 hexadecimal digits. It is no credential.
///
/// # Errors
/// The kernel gave no random bytes.
pub fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

/// Generates a password of 80 random bits: four groups of four characters, separated by dashes.
///
/// # Errors
/// The kernel gave no random bytes.
pub fn generate_password() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 10]);
    getrandom::fill(bytes.as_mut())?;
    let encoded = Zeroizing::new(data_encoding::BASE32_DNSCURVE.encode(bytes.as_ref()));
    let mut text = Zeroizing::new(String::with_capacity(19));
    for (at, letter) in encoded.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_written_and_read() {
        let token = Token::random().unwrap();
        let again = Token::parse(&token.reveal()).unwrap();
        assert_eq!(token.hash(), again.hash());
        assert_ne!(token.hash(), Token::random().unwrap().hash());
    }

    #[test]
    fn texts_that_are_no_token_are_none() {
        let short = BASE64URL_NOPAD.encode(&[1; 31]);
        let long = BASE64URL_NOPAD.encode(&[1; 33]);
        for text in ["", "x", "é", short.as_str(), long.as_str(), &"=".repeat(43)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn generated_passwords_are_four_groups_and_differ() {
        let one = generate_password().unwrap();
        let groups: Vec<_> = one.split('-').collect();
        assert_eq!(groups.len(), 4);
        assert!(groups.iter().all(|group| group.len() == 4));
        assert_ne!(*one, *generate_password().unwrap());
    }
}
