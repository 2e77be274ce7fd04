//! Anchor of the chain: number and code of the last removed entry, authenticated with the key.

use super::chain::code;
use super::key::AuditKey;
use crate::error::AuthError;
use hmac::Mac;
use sqlx::Row;
use sqlx::sqlite::SqliteExecutor;

/// Prefix of the authenticated bytes of an anchor.
const DOMAIN: &[u8] = b"oriel audit anchor 1";

/// Number and code of the last removed entry.
pub(super) struct Anchor {
    pub seq: i64,
    pub code: Vec<u8>,
    /// Whether the segment of the key had begun.
    pub keyed: bool,
    /// Code of the anchor.
    pub mac: Vec<u8>,
}

impl Anchor {
    /// Makes the anchor after an entry.
    pub fn new(key: &AuditKey, seq: i64, code: Vec<u8>, keyed: bool) -> Self {
        let mut anchor = Self { seq, code, keyed, mac: Vec::new() };
        anchor.mac = anchor.expected(key).to_vec();
        anchor
    }

    /// Reads the anchor; `None` if no entry was ever removed.
    pub async fn read(db: impl SqliteExecutor<'_>) -> Result<Option<Self>, AuthError> {
        let row = sqlx::query("SELECT seq, hash, keyed, mac FROM audit_anchor").fetch_optional(db).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            seq: row.try_get("seq")?,
            code: row.try_get("hash")?,
            keyed: row.try_get("keyed")?,
            mac: row.try_get("mac")?,
        }))
    }

    /// Returns whether the anchor was made with the key.
    pub fn holds(&self, key: &AuditKey) -> bool {
        self.mac == self.expected(key)
    }

    fn expected(&self, key: &AuditKey) -> [u8; 32] {
        code(key, |mac| {
            mac.update(DOMAIN);
            mac.update(&self.seq.to_le_bytes());
            mac.update(&[u8::from(self.keyed)]);
            mac.update(&self.code);
        })
    }
}
