//! File messages: offers of the guest, and the state of uploads. Contents travel in chunks of the module `clipboard`.

use serde::{Deserialize, Serialize};

/// Credit of a transfer in bytes: most that may be sent and not yet acknowledged as stored.
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
    /// The upload failed: the guest has not stored the file and drops further bytes.
    Failed,
}

/// Body of the message FileStatus: state of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Number of the upload, counted by the client.
    pub transfer: u32,
    /// State that the upload has reached.
    pub state: FileState,
    /// Bytes of the file that the guest has received.
    pub received: u64,
    /// Reason of a failure, as a sentence for the user; `None` in other states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Body of the message FileOffer: a file that the guest sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffer {
    /// Number of the offer, counted by the server.
    pub offer: u32,
    /// Name of the file: one component of a path that every common file system can store.
    pub name: String,
    /// Length of the file in bytes.
    pub size: u64,
}
