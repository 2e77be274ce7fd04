//! Requests on their way from the request queue to a worker and back.

use super::request::{Request, RequestError};
use crate::queue::Chain;

/// Geometry of the disk that requests are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Size of the disk in sectors of 512 bytes.
    pub sectors: u64,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// Request that a worker performs.
pub struct Job {
    /// Descriptor chain of the request.
    pub chain: Chain,
    /// Parsed request, or the reason for its refusal.
    pub request: Result<Request, RequestError>,
    /// Whether a write must be on the medium before it completes.
    pub write_through: bool,
    /// Activation in which the request was fetched.
    pub(super) generation: u64,
}

/// Request that a worker has performed or refused.
pub struct CompletedJob {
    /// Completed job.
    pub job: Job,
    /// VIRTIO_BLK_S_* for the status byte.
    pub status: u8,
    /// Number of bytes written to the chain's device-writable part, with the status byte.
    pub written: u32,
}

impl Job {
    /// Whether the request writes data.
    pub fn writes(&self) -> bool {
        matches!(self.request, Ok(Request::Write(_)))
    }
}

/// Error of a request that was fetched before a reset of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;
