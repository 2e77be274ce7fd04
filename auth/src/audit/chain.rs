//! Codes that link the entries of the audit log.

use super::key::AuditKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Prefix of the hashed bytes of entries without a key, which early versions of Oriel wrote.
const PLAIN_DOMAIN: &[u8] = b"oriel audit 1";
/// Prefix of the authenticated bytes of an entry, which separates these codes from other uses of the key.
const DOMAIN: &[u8] = b"oriel audit 2";

/// Action of the entry that begins a segment of the chain, with the key's identifier as its subject. The
/// entry's own code is already made with the key.
pub(super) const SEGMENT: &str = "audit.key";

/// Fields of an entry: actor, action, subject, address and detail.
pub(super) type Fields<'a> = [&'a str; 5];

/// Computes the hash of an entry without a key, from the hash before and the entry's fields.
pub(super) fn plain_hash(before: &[u8], seq: i64, at_ms: i64, fields: &Fields<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    absorb(PLAIN_DOMAIN, before, seq, at_ms, fields, |bytes| hash.update(bytes));
    hash.finalize().into()
}

/// Computes the code of an entry with the key, from the code before and the entry's fields.
pub(super) fn entry_code(
    key: &AuditKey,
    before: &[u8],
    seq: i64,
    at_ms: i64,
    fields: &Fields<'_>,
) -> [u8; 32] {
    code(key, |mac| absorb(DOMAIN, before, seq, at_ms, fields, |bytes| mac.update(bytes)))
}

/// Computes an HMAC-SHA-256 with the key, over what `write` gives it.
pub(super) fn code(key: &AuditKey, write: impl FnOnce(&mut Hmac<Sha256>)) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new(key.block().into());
    write(&mut mac);
    mac.finalize().into_bytes().into()
}

/// Gives the bytes of an entry to a hash, each field of variable length after its length.
fn absorb(
    domain: &[u8],
    before: &[u8],
    seq: i64,
    at_ms: i64,
    fields: &Fields<'_>,
    mut update: impl FnMut(&[u8]),
) {
    update(domain);
    update(&(before.len() as u64).to_le_bytes());
    update(before);
    update(&seq.to_le_bytes());
    update(&at_ms.to_le_bytes());
    for field in fields {
        update(&(field.len() as u64).to_le_bytes());
        update(field.as_bytes());
    }
}
