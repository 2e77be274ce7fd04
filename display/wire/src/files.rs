//! Files on the wire: offers from the guest, and the state of transfers into it.

use serde::{Deserialize, Serialize};

/// Bytes of a file that may be on the way and not yet told as stored.
pub const FILE_CREDIT: u64 = 256 * 1024;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// The guest takes it.
    Accepted,
    /// It is on the way.
    Progress,
    /// It is there.
    Done,
    /// It is not, and will not be.
    Failed,
}

/// A file's state, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// The client's number of it.
    pub transfer: u32,
    /// Now.
    pub state: FileState,
    /// Bytes that the guest has taken.
    pub received: u64,
    /// Why it failed; one plain sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A file that the guest sends, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// The server's number of it.
    pub offer: u32,
    /// One component of a path, such as any system can store.
    pub name: String,
    /// In bytes.
    pub size: u64,
}
