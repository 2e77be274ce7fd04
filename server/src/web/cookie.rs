//! Cookies: one carries a session's token, the other tells known browsers apart from strangers.

use axum::http::{HeaderMap, HeaderValue, header};
use oriel_auth::{Scheme, Token};
use std::time::Duration;

/// Cookie of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Cookie with the token of the session.
    Session,
    /// Cookie with the tokens of users who have logged in before in the browser.
    Device,
}

impl Cookie {
    /// Returns the cookie's name for a scheme. The prefix `__Host-` makes browsers require HTTPS (RFC 6265bis,
    /// section 4.1.3.2), so plain HTTP on loopback has another name.
    fn name(self, scheme: Scheme) -> &'static str {
        match (self, scheme) {
            (Self::Session, Scheme::Https) => "__Host-oriel",
            (Self::Session, Scheme::Http) => "oriel-loopback",
            (Self::Device, Scheme::Https) => "__Host-oriel-device",
            (Self::Device, Scheme::Http) => "oriel-device-loopback",
        }
    }

    /// Returns the cookie's value in a request; `None` without the cookie.
    fn value(self, headers: &HeaderMap, scheme: Scheme) -> Option<&str> {
        let name = self.name(scheme);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Returns the `Set-Cookie` header that stores a value; a lifetime of zero removes the cookie.
    fn header(self, value: &str, scheme: Scheme, lifetime: Duration) -> Option<HeaderValue> {
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            self.name(scheme),
            lifetime.as_secs()
        );
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Reads the session's token from a request; `None` without a valid one.
pub(super) fn read(headers: &HeaderMap, scheme: Scheme) -> Option<Token> {
    Cookie::Session.value(headers, scheme).and_then(Token::parse)
}

/// Reads the device cookie from a request; empty without one.
pub(super) fn read_device(headers: &HeaderMap, scheme: Scheme) -> &str {
    Cookie::Device.value(headers, scheme).unwrap_or_default()
}

/// Returns the header that sets the session's cookie.
pub(super) fn set(token: &Token, scheme: Scheme, lifetime: Duration) -> Option<HeaderValue> {
    Cookie::Session.header(&token.reveal(), scheme, lifetime)
}

/// Returns the header that sets the device cookie.
pub(super) fn set_device(value: &str, scheme: Scheme) -> Option<HeaderValue> {
    Cookie::Device.header(value, scheme, oriel_auth::device::LIFETIME)
}

/// Returns the header that removes the session's cookie.
pub(super) fn clear(scheme: Scheme) -> Option<HeaderValue> {
    Cookie::Session.header("", scheme, Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_is_set_is_read_among_others() {
        let token = Token::random().unwrap();
        let set = set(&token, Scheme::Https, Duration::from_secs(60)).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-oriel="));
        assert!(text.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"), "{text}");
        let pair = text.split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; {pair}; c=d").parse().unwrap());
        assert!(read(&headers, Scheme::Https).is_some_and(|found| found.hash() == token.hash()));
        assert!(read(&headers, Scheme::Http).is_none());
    }

    #[test]
    fn the_device_cookie_is_as_strict_as_the_session_s() {
        let set = set_device("a.b", Scheme::Https).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-oriel-device=a.b; Path=/; HttpOnly; SameSite=Strict; "), "{text}");
        assert!(text.ends_with("; Secure"), "{text}");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "__Host-oriel=x; __Host-oriel-device=a.b".parse().unwrap());
        assert_eq!(read_device(&headers, Scheme::Https), "a.b");
        assert_eq!(read_device(&headers, Scheme::Http), "");
    }

    #[test]
    fn what_is_no_token_is_no_session() {
        let mut headers = HeaderMap::new();
        for text in ["__Host-oriel=", "__Host-oriel=x", "__Host-oriel", "=;=;"] {
            headers.insert(header::COOKIE, text.parse().unwrap());
            assert!(read(&headers, Scheme::Https).is_none(), "{text}");
        }
    }
}
