//! Head of the audit log: number and code of the newest entry, in a file apart from the database.
//!
//! The file has two slots. A write replaces the older one in place and is synchronised, so it needs no room
//! on a full disk, and a torn write leaves the other slot. Each slot is authenticated with the key. The file
//! is also the lock of writers, of which the server and the command line are several.

use super::chain::code;
use super::key::AuditKey;
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Name of the file in the folder of the audit log's files.
const FILE: &str = "audit.head";
/// Distance of the two slots in bytes, which is a sector of every disk.
const SLOT: usize = 512;
/// Prefix of the authenticated bytes of a slot.
const DOMAIN: &[u8] = b"oriel audit head 1";

/// Number and code of the newest entry; number 0 and an empty code before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Sequence number of the entry.
    pub seq: i64,
    /// Code of the entry.
    pub code: Vec<u8>,
}

/// Locked file of the head; the lock is held until the value is dropped.
pub(super) struct LockedHead {
    file: File,
}

impl LockedHead {
    /// Opens the file in a folder, creates it if it is missing, and waits for its lock. The call blocks.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        file.lock()?;
        Ok(Self { file })
    }

    /// Reads the head; `None` if neither slot was written with the key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, key: &AuditKey) -> io::Result<Option<Head>> {
        Ok(self.slots(key)?.into_iter().flatten().max_by_key(|head| head.seq))
    }

    /// Writes the head to the slot that does not have the newest one, and synchronises the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, key: &AuditKey, head: &Head) -> io::Result<()> {
        let [first, second] = self.slots(key)?;
        let older = match (first, second) {
            (Some(first), Some(second)) if first.seq > second.seq => 1,
            (Some(_), None) => 1,
            _ => 0,
        };
        let mut slot = format!(
            "{} {} {}\n",
            head.seq,
            HEXLOWER.encode(&head.code),
            HEXLOWER.encode(&slot_code(key, head))
        );
        // A slot of full length: no byte of an earlier one stays, and the file never grows again.
        slot.extend(std::iter::repeat_n(' ', SLOT.saturating_sub(slot.len())));
        self.file.write_all_at(slot.as_bytes(), (older * SLOT) as u64)?;
        self.file.sync_all()
    }

    /// Reads both slots; `None` for one that was not written with the key.
    fn slots(&self, key: &AuditKey) -> io::Result<[Option<Head>; 2]> {
        let mut slots = [None, None];
        for (index, slot) in slots.iter_mut().enumerate() {
            let mut bytes = [0; SLOT];
            let mut filled = 0;
            while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.file.read_at(rest, (index * SLOT + filled) as u64)? {
                    0 => break,
                    read => filled += read,
                }
            }
            *slot = parse(key, bytes.get(..filled).unwrap_or_default());
        }
        Ok(slots)
    }
}

/// Parses a slot; `None` if it was not written with the key.
fn parse(key: &AuditKey, bytes: &[u8]) -> Option<Head> {
    let line = std::str::from_utf8(bytes).ok()?.lines().next()?;
    let mut parts = line.split(' ');
    let seq = parts.next()?.parse().ok()?;
    let head = Head { seq, code: HEXLOWER.decode(parts.next()?.as_bytes()).ok()? };
    (parts.next()? == HEXLOWER.encode(&slot_code(key, &head))).then_some(head)
}

/// Computes the code of a slot.
fn slot_code(key: &AuditKey, head: &Head) -> [u8; 32] {
    use hmac::Mac;
    code(key, |mac| {
        mac.update(DOMAIN);
        mac.update(&head.seq.to_le_bytes());
        mac.update(&head.code);
    })
}
