//! Client's side of the control protocol, without input and output.
//!
//! [`Handshake`] and [`Session`] encode the lines that a client sends and decode the lines that it
//! receives. Sockets, timeouts and the order of replies are tasks of the modules beside this one.

use super::error::ClientError;
use crate::codec::{self, Decoded};
use crate::control::{Command, Event, Open, Opened, Outcome, Purpose, Reply, Request};
use crate::version::VersionRange;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// Handshake of one connection, from the client's side.
#[derive(Debug, Clone, Copy)]
pub struct Handshake {
    versions: VersionRange,
    purpose: Purpose,
}

impl Handshake {
    /// Creates the handshake of a connection for `purpose`, from a client that supports `versions`.
    pub fn new(versions: VersionRange, purpose: Purpose) -> Self {
        Self { versions, purpose }
    }

    /// Encodes the first line of the connection, with its line feed.
    ///
    /// # Errors
    /// None with the current type [`Open`]; see [`codec::encode`].
    pub fn first_line(&self) -> Result<Vec<u8>, ClientError> {
        let open = Open { versions: Some(self.versions), purpose: self.purpose };
        codec::encode(&open).map_err(ClientError::malformed)
    }

    /// Decodes the machine's answer to [`Self::first_line`] and returns the version of the connection.
    ///
    /// # Errors
    /// [`ClientError::Unversioned`] and [`ClientError::UnsupportedVersion`] without a common version,
    /// [`ClientError::Refused`] when the machine refuses for another reason, and
    /// [`ClientError::Malformed`] when `line` is not an answer.
    pub fn answered(&self, line: &[u8]) -> Result<u32, ClientError> {
        let value: Value = serde_json::from_slice(line).map_err(ClientError::malformed)?;
        if is_unversioned(&value) {
            return Err(ClientError::Unversioned);
        }
        let opened: Decoded<Opened> = codec::from_value(&value).map_err(ClientError::malformed)?;
        match opened.message {
            Opened::Accepted { version } if self.versions.contains(version) => Ok(version),
            Opened::Accepted { version } => Err(ClientError::UnsupportedVersion {
                machine: VersionRange { newest: version, oldest: version },
                client: self.versions,
            }),
            Opened::UnsupportedVersion(machine) => {
                Err(ClientError::UnsupportedVersion { machine, client: self.versions })
            }
            Opened::Refused { text } => Err(ClientError::Refused(text)),
        }
    }
}

/// Returns whether an answer is that of a machine older than the versions: `"ok"`, or
/// `{"refused":"Reason."}`.
fn is_unversioned(answer: &Value) -> bool {
    answer == "ok" || answer.get("refused").is_some_and(Value::is_string)
}

/// Counts of unknown fields and events that a client has ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Number of unknown fields in messages.
    pub fields: u64,
    /// Number of unknown events.
    pub events: u64,
}

/// Decoded line that the machine sent after the handshake.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Reply to a request of this connection.
    Reply(Reply),
    /// Event of the machine.
    Event(Event),
    /// Event of an unknown type, which was counted in [`Ignored::events`].
    Unknown,
}

/// State of an open control connection: number of the last request, and counts of ignored fields
/// and events.
#[derive(Debug, Default)]
pub struct Session {
    last_id: AtomicU64,
    unknown_fields: AtomicU64,
    unknown_events: AtomicU64,
}

impl Session {
    /// Encodes a request with the next free number; returns the number and the line to send.
    ///
    /// # Errors
    /// None with the current type [`Request`]; see [`codec::encode`].
    pub fn request(&self, command: Command) -> Result<(u64, Vec<u8>), ClientError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let line = codec::encode(&Request { id, command }).map_err(ClientError::malformed)?;
        Ok((id, line))
    }

    /// Decodes one line that the machine sent, and counts unknown fields and events.
    ///
    /// # Errors
    /// [`ClientError::Malformed`] when `line` is neither a reply nor an event.
    pub fn received(&self, line: &[u8]) -> Result<Incoming, ClientError> {
        let value: Value = serde_json::from_slice(line).map_err(ClientError::malformed)?;
        if value.get("event").is_some_and(Value::is_string) {
            return Ok(match codec::from_value(&value) {
                Ok(Decoded { message, unknown_fields }) => {
                    self.unknown_fields.fetch_add(unknown_fields, Ordering::Relaxed);
                    Incoming::Event(message)
                }
                Err(_) => {
                    self.unknown_events.fetch_add(1, Ordering::Relaxed);
                    Incoming::Unknown
                }
            });
        }
        let Decoded { message, unknown_fields } =
            codec::from_value(&value).map_err(ClientError::malformed)?;
        self.unknown_fields.fetch_add(unknown_fields, Ordering::Relaxed);
        Ok(Incoming::Reply(message))
    }

    /// Returns the counts of ignored fields and events since the start of the session.
    pub fn ignored(&self) -> Ignored {
        Ignored {
            fields: self.unknown_fields.load(Ordering::Relaxed),
            events: self.unknown_events.load(Ordering::Relaxed),
        }
    }
}

/// Returns the outcome of a request, with [`Outcome::Error`] as an error.
///
/// # Errors
/// [`ClientError::Refused`] for [`Outcome::Error`].
pub fn success(outcome: Outcome) -> Result<Outcome, ClientError> {
    match outcome {
        Outcome::Error(text) => Err(ClientError::Refused(text)),
        other => Ok(other),
    }
}

/// Returns the error for an outcome of another kind than the request's.
pub(super) fn misplaced(outcome: &Outcome) -> ClientError {
    ClientError::Malformed(format!("a reply of another kind than the request's: {outcome:?}"))
}
