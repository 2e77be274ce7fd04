//! Verification of the audit log's chain, from the anchor or the first entry to the head.

use super::anchor::Anchor;
use super::chain::{SEGMENT, entry_code, plain_hash};
use super::head::Head;
use super::key::AuditKey;
use super::lines::{AuditLine, page};
use super::log::AuditLog;
use crate::error::AuthError;
use std::fmt;

/// Position at which the chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Sequence number of the first entry that does not fit the chain, or that is missing at its end.
    pub seq: i64,
    /// Fault at that entry.
    pub fault: Fault,
}

/// Fault of the chain at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The entry or the one before it was changed, removed or inserted.
    DoesNotFit,
    /// The entry and those after it were removed from the end of the log.
    CutOff,
    /// The file of the head was removed or replaced before the entry.
    HeadLost,
    /// The entry begins a segment with a key that is no longer there.
    KeyLost,
    /// The anchor, from which the log is verified after older entries were removed, was changed.
    Anchor,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, fault } = self;
        match fault {
            Fault::DoesNotFit => {
                write!(
                    f,
                    "line {seq} does not fit: it or the line before it was changed, removed or inserted"
                )
            }
            Fault::CutOff => write!(f, "line {seq} is missing: the end of the log was cut off"),
            Fault::HeadLost => {
                write!(
                    f,
                    "the file audit.head was removed or replaced before line {seq}, so lines may be missing"
                )
            }
            Fault::KeyLost => write!(f, "line {seq} begins lines of a key that audit.key does not have"),
            Fault::Anchor => {
                write!(f, "the record of the lines removed before line {seq} was changed")
            }
        }
    }
}

/// Result of a verification without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries in the log.
    pub lines: i64,
    /// Sequence number of the newest entry; 0 without entries.
    pub newest: i64,
    /// Number of entries at the beginning that have no keyed code, because an early version of Oriel wrote
    /// them.
    pub unkeyed: i64,
}

/// Walk along the chain.
pub(super) struct Walk<'a> {
    key: &'a AuditKey,
    /// Number and code of the last entry.
    pub last: Head,
    /// Whether the segment of the key has begun.
    pub keyed: bool,
    pub lines: i64,
    unkeyed: i64,
}

impl<'a> Walk<'a> {
    /// Begins at the anchor, or before the first entry.
    ///
    /// # Errors
    /// The anchor was changed.
    pub fn begin(key: &'a AuditKey, anchor: Option<&Anchor>) -> Result<Self, Broken> {
        let (last, keyed) = match anchor {
            Some(anchor) if anchor.holds(key) => {
                (Head { seq: anchor.seq, code: anchor.code.clone() }, anchor.keyed)
            }
            Some(anchor) => return Err(Broken { seq: anchor.seq.saturating_add(1), fault: Fault::Anchor }),
            None => (Head::default(), false),
        };
        Ok(Self { key, last, keyed, lines: 0, unkeyed: 0 })
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// The entry does not fit.
    pub fn step(&mut self, line: AuditLine) -> Result<(), Broken> {
        let broken = |fault| Err(Broken { seq: line.seq, fault });
        if line.seq != self.last.seq.saturating_add(1) {
            return broken(Fault::DoesNotFit);
        }
        let begins = line.action == SEGMENT;
        if begins && line.subject != self.key.id() {
            return broken(Fault::KeyLost);
        }
        let expected = if begins || self.keyed {
            entry_code(self.key, &self.last.code, line.seq, line.at_ms, &line.fields())
        } else {
            plain_hash(&self.last.code, line.seq, line.at_ms, &line.fields())
        };
        if line.code != expected {
            return broken(Fault::DoesNotFit);
        }
        if begins && self.keyed {
            return broken(Fault::HeadLost);
        }
        self.keyed |= begins;
        self.lines += 1;
        self.unkeyed += i64::from(!self.keyed);
        self.last = Head { seq: line.seq, code: line.code };
        Ok(())
    }
}

impl AuditLog {
    /// Verifies the chain over all entries, and that it reaches the head; the inner error names the first
    /// entry that does not fit.
    ///
    /// # Errors
    /// The database or the file of the head failed.
    pub async fn verify(&self) -> Result<Result<Verified, Broken>, AuthError> {
        // The head is read first: entries that are added meanwhile come after it.
        let locked = self.lock_head().await?;
        let (locked, head) = self.read_head(locked).await?;
        drop(locked);
        // One view of the database, which removals of old entries do not change.
        let mut view = self.shared.db.begin().await?;
        let anchor = Anchor::read(&mut *view).await?;
        let mut walk = match Walk::begin(&self.shared.key, anchor.as_ref()) {
            Ok(walk) => walk,
            Err(broken) => return Ok(Err(broken)),
        };
        loop {
            let lines = page(&mut *view, walk.last.seq).await?;
            if lines.is_empty() {
                break;
            }
            for line in lines {
                if let Err(broken) = walk.step(line) {
                    return Ok(Err(broken));
                }
                if let Some(head) = head.as_ref().filter(|head| head.seq == walk.last.seq)
                    && head.code != walk.last.code
                {
                    return Ok(Err(Broken { seq: head.seq, fault: Fault::DoesNotFit }));
                }
            }
        }
        let next = walk.last.seq.saturating_add(1);
        Ok(match head {
            None => Err(Broken { seq: next, fault: Fault::HeadLost }),
            Some(head) if head.seq > walk.last.seq => Err(Broken { seq: next, fault: Fault::CutOff }),
            Some(_) => Ok(Verified { lines: walk.lines, newest: walk.last.seq, unkeyed: walk.unkeyed }),
        })
    }
}
