//! Key of the audit log: 256 random bits in a file of mode 0600, apart from the database.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the key's file in the folder of the audit log's files.
const FILE: &str = "audit.key";

/// Key of the audit log, wiped from memory when dropped.
pub(super) struct AuditKey {
    /// Key, filled up with zeros to the hash's block of 64 bytes (RFC 2104, section 2).
    block: Zeroizing<[u8; 64]>,
    /// Identifier of the key, which reveals nothing of the key.
    id: String,
}

impl AuditKey {
    /// Makes a key from its bytes.
    fn new(bytes: &[u8; 32]) -> Self {
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let mut hash = Sha256::new();
        hash.update(b"oriel audit key id 1");
        hash.update(bytes);
        let id = HEXLOWER.encode(hash.finalize().get(..8).unwrap_or_default());
        Self { block, id }
    }

    /// Reads the key of a folder; `None` if the folder has no key.
    ///
    /// # Errors
    /// The file cannot be read, or is no key.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = Zeroizing::new(HEXLOWER.decode(text.trim().as_bytes()).unwrap_or_default());
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is no key of the audit log"))
        })?;
        Ok(Some(Self::new(bytes)))
    }

    /// Makes a random key and writes the key's file durably. The caller holds the lock of the folder.
    ///
    /// # Errors
    /// The kernel gave no random bytes, or the file cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(io::Error::other)?;
        let text = Zeroizing::new(HEXLOWER.encode(bytes.as_ref()) + "\n");
        let unfinished = folder.join(format!("{FILE}.new"));
        let mut file =
            File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, folder.join(FILE))?;
        File::open(folder)?.sync_all()?;
        Ok(Self::new(&bytes))
    }

    /// Returns the key, filled up to the hash's block.
    pub fn block(&self) -> &[u8; 64] {
        &self.block
    }

    /// Returns the key's identifier: 16 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }
}
