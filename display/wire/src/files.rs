//! Files on the wire: offers from the guest, and the state of transfers into it.

use serde::{Deserialize, Serialize};

/// Bytes of a file that may be on the way and not yet told as stored.
pub const FILE_CREDIT: u64 = 256 * 1024;

/// State of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// The guest takes the file.
    Accepted,
    /// Bytes of the file have reached the guest.
    Progress,
    /// The file is stored in the guest.
    Done,
    /// The file is not stored in the guest, and nothing more of the upload is wanted.
    Failed,
}

/// Body of the message FileStatus: state of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Number of the upload, counted by the client.
    pub transfer: u32,
    /// State that the upload has reached.
    pub state: FileState,
    /// Bytes that the guest has taken.
    pub received: u64,
    /// Reason of the failure in one plain sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Body of the message FileOffer: a file that the guest sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// Number of the offer, counted by the server.
    pub offer: u32,
    /// Name of the file: one component of a path, such as any system can store.
    pub name: String,
    /// Length of the file in bytes.
    pub size: u64,
}
