//! Digest of a blob, `sha256tree`, which costs little over the holes of a sparse disk.
//!
//! The file is cut into chunks of 1 MiB; the last may be shorter. The digest is the SHA-256 of the 18 bytes
//! `oriel sha256tree 1`, the length in bytes as a little-endian 64-bit number, and the SHA-256 of each chunk
//! in order. The digest of a chunk of zeros is computed once, so a hole costs 32 bytes of hashing for each
//! MiB.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Size of a chunk in bytes.
pub(super) const CHUNK: usize = 1 << 20;
/// Name of the algorithm, before the colon of a digest's text and in the store's paths.
pub(super) const ALGORITHM: &str = "sha256tree";
/// Prefix of the hashed bytes, which separates these digests from other uses of SHA-256.
const DOMAIN: &[u8] = b"oriel sha256tree 1";

/// Digest of a blob's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest as 64 hexadecimal digits, which are the blob's file name.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}:{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no digest like {ALGORITHM}:0123…");
        let hex = text.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(':')).ok_or_else(wrong)?;
        let digits = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if hex.len() != 64 || !hex.bytes().all(digits) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Hasher that computes a [`Digest`] from chunks in order.
pub(super) struct TreeHasher {
    tree: Sha256,
    zeros: [u8; 32],
}

impl TreeHasher {
    /// Starts the digest of a file of `length` bytes.
    pub(super) fn new(length: u64) -> Self {
        let mut tree = Sha256::new();
        tree.update(DOMAIN);
        tree.update(length.to_le_bytes());
        Self { tree, zeros: Sha256::digest(vec![0; CHUNK]).into() }
    }

    /// Adds the next chunk: [`CHUNK`] bytes, or fewer at the end of the file.
    pub(super) fn chunk(&mut self, bytes: &[u8]) {
        self.tree.update(Sha256::digest(bytes));
    }

    /// Adds a chunk of [`CHUNK`] zeros.
    pub(super) fn zeros(&mut self) {
        self.tree.update(self.zeros);
    }

    /// Returns the digest of all chunks.
    pub(super) fn finish(self) -> Digest {
        Digest(self.tree.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_documented_one() {
        let mut by_hand = Sha256::new();
        by_hand.update(b"oriel sha256tree 1");
        by_hand.update(((CHUNK + 3) as u64).to_le_bytes());
        by_hand.update(Sha256::digest(vec![0; CHUNK]));
        by_hand.update(Sha256::digest(b"abc"));
        let mut hasher = TreeHasher::new((CHUNK + 3) as u64);
        hasher.zeros();
        hasher.chunk(b"abc");
        let digest = hasher.finish();
        assert_eq!(digest.0, <[u8; 32]>::from(by_hand.finalize()));
        let mut written = TreeHasher::new((CHUNK + 3) as u64);
        written.chunk(&vec![0; CHUNK]);
        written.chunk(b"abc");
        assert_eq!(written.finish(), digest, "a hole and written zeros are the same");
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let digest = TreeHasher::new(0).finish();
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let hex = digest.hex();
        for text in [
            hex.clone(),
            format!("sha256:{hex}"),
            format!("sha256tree:{}", hex.to_uppercase()),
            format!("sha256tree:{}", &hex[1..]),
            format!("sha256tree:../{}", &hex[3..]),
            String::new(),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
