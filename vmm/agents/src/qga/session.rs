//! Requests and responses as JSON lines, and how to find a line's beginning in a stream that may hold
//! anything.

use super::error::QgaError;
use super::responses::sanitize;
use crate::port::{HostPort, OpenId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest wait for a response: a healthy agent responds in milliseconds, on a loaded host in a second.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Marks the beginning of the response to `guest-sync-delimited`; it occurs in no JSON text.
const SENTINEL: u8 = 0xFF;
/// Longest line of a response, in bytes.
const MAX_LINE: usize = 256 * 1024;
/// Bytes read at most in search of the response to a synchronisation.
const MAX_SEARCH: usize = 4 * 1024 * 1024;
/// Longest wait for the response to a synchronisation.
const SYNC_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Response {
    Return(Value),
    Error(QgaErrorObject),
}

#[derive(Deserialize)]
struct QgaErrorObject {
    #[serde(default)]
    desc: String,
}

/// Session with whatever agent has the port open.
pub(super) struct QgaSession {
    port: HostPort,
    last_id: u32,
    /// Bytes that were read and not yet parsed.
    buffered: Vec<u8>,
}

impl QgaSession {
    pub(super) fn new(port: HostPort) -> Self {
        Self { port, last_id: 0, buffered: Vec::new() }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.port.open_id().is_some()
    }

    /// Sends a command to the agent and waits for the response.
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

    /// Resets the agent's parser and finds the place in the stream where responses to this session
    /// begin (`guest-sync-delimited`): leftovers of earlier commands lie before it.
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

    /// Discards bytes up to the next sentinel, and the sentinel; returns their number.
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

    /// Reads the next line.
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

    fn read_more(&mut self, open_id: OpenId, deadline: Instant) -> Result<(), QgaError> {
        let mut piece = [0; 4096];
        let read = self.port.read_until(open_id, deadline, &mut piece)?;
        self.buffered.extend_from_slice(piece.get(..read).unwrap_or_default());
        // A guest that sends without end is not read without end.
        if Instant::now() > deadline { Err(QgaError::TimedOut) } else { Ok(()) }
    }
}
