//! Cookie that carries a session's token.

use axum::http::{HeaderMap, HeaderValue, header};
use oriel_auth::{Scheme, Token};
use std::time::Duration;

/// Returns the cookie's name for a scheme. The prefix `__Host-` makes browsers require HTTPS (RFC 6265bis,
/// section 4.1.3.2), so plain HTTP on loopback has another name.
pub fn cookie_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https => "__Host-oriel",
        Scheme::Http => "oriel-loopback",
    }
}

/// Reads the session's token from a request; `None` without a valid one.
pub(super) fn read(headers: &HeaderMap, scheme: Scheme) -> Option<Token> {
    let name = cookie_name(scheme);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Token::parse(value))
}

/// Returns the header that sets the cookie.
pub(super) fn set(token: &Token, scheme: Scheme, lifetime: Duration) -> Option<HeaderValue> {
    header(&token.reveal(), scheme, lifetime.as_secs())
}

/// Returns the header that removes the cookie.
pub(super) fn clear(scheme: Scheme) -> Option<HeaderValue> {
    header("", scheme, 0)
}

/// Returns a `Set-Cookie` header.
fn header(value: &str, scheme: Scheme, max_age: u64) -> Option<HeaderValue> {
    let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
    let text = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}",
        cookie_name(scheme)
    );
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
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
    fn what_is_no_token_is_no_session() {
        let mut headers = HeaderMap::new();
        for text in ["__Host-oriel=", "__Host-oriel=x", "__Host-oriel", "=;=;"] {
            headers.insert(header::COOKIE, text.parse().unwrap());
            assert!(read(&headers, Scheme::Https).is_none(), "{text}");
        }
    }
}
