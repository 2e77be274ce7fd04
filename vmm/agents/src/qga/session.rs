//! Requests and responses of qemu-guest-agent as JSON lines, and resynchronisation with
//! `guest-sync-delimited`.

use super::error::QgaError;
use super::responses::sanitize;
use crate::port::{HostPort, OpenId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Maximum time until a response: a healthy agent responds in milliseconds, on a loaded host in a second.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Byte before the response to `guest-sync-delimited`; no JSON text contains the byte.
const SENTINEL: u8 = 0xFF;
/// Maximum length of a response's line in bytes.
const MAX_LINE: usize = 256 * 1024;
/// Maximum number of bytes that are searched for the response to a synchronisation.
const MAX_SEARCH: usize = 4 * 1024 * 1024;
/// Maximum time until the response to a synchronisation.
const SYNC_TIMEOUT: Duration = Duration::from_secs(2);

/// Response to a command.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Response {
    Return(Value),
    Error(QgaErrorObject),
}

/// Error in a response.
#[derive(Deserialize)]
struct QgaErrorObject {
    #[serde(default)]
    desc: String,
}

/// Session with the agents that open the port.
pub(super) struct QgaSession {
    port: HostPort,
    last_id: u32,
    /// Bytes that were read and are not parsed yet.
    buffered: Vec<u8>,
}

impl QgaSession {
    /// Creates a session over `port`.
    pub(super) fn new(port: HostPort) -> Self {
        Self { port, last_id: 0, buffered: Vec::new() }
    }

    /// Whether an agent has the port open.
    pub(super) fn is_connected(&self) -> bool {
        self.port.open_id().is_some()
    }

    /// Synchronises, sends a command, and waits at most `timeout` for the response.
    pub(super) fn execute(
        &mut self,
        command: &str,
        arguments: Option<Value>,
        timeout: Duration,
    ) -> Result<Value, QgaError> {
        let open_id = self.port.open_id().ok_or(QgaError::NotConnected)?;
        self.synchronise(open_id)?;
        let mut request = json!({ "execute": command });
        if let (Some(arguments), Some(fields)) = (arguments, request.as_object_mut()) {
            fields.insert("arguments".to_owned(), arguments);
        }
        let deadline = Instant::now() + timeout;
        self.port.write_all_until(open_id, deadline, format!("{request}\n").as_bytes())?;
        let line = self.line(open_id, deadline)?;
        match serde_json::from_slice(&line) {
            Ok(Response::Return(value)) => Ok(value),
            Ok(Response::Error(QgaErrorObject { desc })) => {
                Err(QgaError::CommandFailed(sanitize(&desc).trim_end_matches('.').to_owned()))
            }
            Err(_) => Err(QgaError::InvalidResponse),
        }
    }

    /// Resets the agent's parser and skips responses to earlier commands (`guest-sync-delimited`).
    fn synchronise(&mut self, open_id: OpenId) -> Result<(), QgaError> {
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        let request = json!({ "execute": "guest-sync-delimited", "arguments": { "id": id } });
        let deadline = Instant::now() + SYNC_TIMEOUT;
        let bytes = [&[SENTINEL], format!("{request}\n").as_bytes()].concat();
        self.buffered.clear();
        self.port.write_all_until(open_id, deadline, &bytes)?;
        let mut searched = 0;
        loop {
            searched += self.skip_to_sentinel(open_id, deadline)?;
            let line = self.line(open_id, deadline)?;
            searched += line.len();
            let answer = serde_json::from_slice(&line);
            if matches!(answer, Ok(Response::Return(value)) if value.as_u64() == Some(id.into())) {
                return Ok(());
            }
            if searched > MAX_SEARCH {
                return Err(QgaError::InvalidResponse);
            }
        }
    }

    /// Discards bytes up to and including the next sentinel. Returns the number of bytes before the sentinel.
    fn skip_to_sentinel(&mut self, open_id: OpenId, deadline: Instant) -> Result<usize, QgaError> {
        let mut skipped = 0;
        loop {
            if let Some(at) = self.buffered.iter().position(|byte| *byte == SENTINEL) {
                self.buffered.drain(..=at);
                return Ok(skipped + at);
            }
            skipped += self.buffered.len();
            self.buffered.clear();
            if skipped > MAX_SEARCH {
                return Err(QgaError::InvalidResponse);
            }
            self.read_more(open_id, deadline)?;
        }
    }

    /// Reads the next line, with its line feed.
    fn line(&mut self, open_id: OpenId, deadline: Instant) -> Result<Vec<u8>, QgaError> {
        let mut seen = 0;
        loop {
            let fresh = self.buffered.get(seen..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffered.split_off(seen + at + 1);
                return Ok(std::mem::replace(&mut self.buffered, rest));
            }
            seen = self.buffered.len();
            if seen > MAX_LINE {
                return Err(QgaError::InvalidResponse);
            }
            self.read_more(open_id, deadline)?;
        }
    }

    /// Reads and buffers more bytes; fails after the deadline even if the guest never stops sending.
    fn read_more(&mut self, open_id: OpenId, deadline: Instant) -> Result<(), QgaError> {
        let mut piece = [0; 4096];
        let read = self.port.read_until(open_id, deadline, &mut piece)?;
        self.buffered.extend_from_slice(piece.get(..read).unwrap_or_default());
        // The deadline also ends a read of a guest that never stops sending.
        if Instant::now() > deadline { Err(QgaError::TimedOut) } else { Ok(()) }
    }
}
