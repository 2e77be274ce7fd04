//! Token with which a monitoring system reads `/metrics`.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Minimum length of a token in characters.
const SHORTEST: usize = 16;

/// Token for `/metrics`, of which only the SHA-256 is kept.
pub struct MetricsToken([u8; 32]);

impl MetricsToken {
    /// Loads the token from a file, without white space at its ends.
    ///
    /// # Errors
    /// One sentence: the file cannot be read, every user of this computer may read it, or the token is short.
    pub fn load(path: &Path) -> Result<Self, String> {
        let unreadable = |error| {
            format!(
                "The metrics_token_file {} cannot be read ({error}); check its permissions.",
                path.display()
            )
        };
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o007 != 0 {
            return Err(format!(
                "The metrics_token_file {0} is open to every user of this computer; run `chmod o= {0}`.",
                path.display()
            ));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let token = text.trim();
        if token.chars().count() < SHORTEST {
            return Err(format!(
                "The metrics_token_file {} needs a token of at least {SHORTEST} characters; make one by \
                 `openssl rand -hex 32`.",
                path.display()
            ));
        }
        Ok(Self(Sha256::digest(token.as_bytes()).into()))
    }

    /// Returns whether a request has the token, as `Authorization: Bearer` (RFC 6750, section 2.1).
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = value.and_then(|value| {
            let (kind, token) = value.split_once(' ')?;
            kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        // The time of a comparison of hashes tells nothing about the token.
        presented.is_some_and(|token| <[u8; 32]>::from(Sha256::digest(token.as_bytes())) == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn the_token_and_no_other_is_accepted() {
        let (_dir, path) = file("0123456789abcdef\n", 0o600);
        let token = MetricsToken::load(&path).unwrap();
        for (value, accepted) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcdeg", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("Bearer ", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(token.is_in(&headers), accepted, "{value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn weak_and_open_tokens_are_refused() {
        let (_dir, path) = file("short", 0o600);
        assert!(MetricsToken::load(&path).err().unwrap().contains("at least 16"));
        let (_dir, path) = file("0123456789abcdef", 0o644);
        assert!(MetricsToken::load(&path).err().unwrap().contains("chmod o="));
        assert!(MetricsToken::load(Path::new("/nowhere/token")).err().unwrap().contains("/nowhere/token"));
    }
}
