//! The client's side of the control protocol, without input and output.

use super::error::ClientError;
use crate::codec::{self, Decoded};
use crate::control::{Command, Event, Open, Opened, Outcome, Purpose, Reply, Request};
use crate::version::VersionRange;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// The handshake of one connection, from the client's side.
#[derive(Debug, Clone, Copy)]
pub struct Handshake {
    versions: VersionRange,
    purpose: Purpose,
}

impl Handshake {
    /// A handshake for `purpose` by a client that understands `versions`.
    pub fn new(versions: VersionRange, purpose: Purpose) -> Self {
        Self { versions, purpose }
    }

    /// Line that the client sends first.
    ///
    /// # Errors
    /// Never, as these messages are; see [`codec::encode`].
    pub fn first_line(&self) -> Result<Vec<u8>, ClientError> {
        let open = Open { versions: Some(self.versions), purpose: self.purpose };
        codec::encode(&open).map_err(ClientError::malformed)
    }

    /// Reads the machine's answer to [`Self::first_line`]: the version that the connection speaks.
    ///
    /// # Errors
    /// [`ClientError::Unversioned`] and [`ClientError::UnsupportedVersion`] when the machine speaks
    /// no version of ours, [`ClientError::Refused`] when it gives another reason, and
    /// [`ClientError::Malformed`] when `line` is no answer.
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

/// Whether an answer is of the dialect from before versions: `"ok"`, or `{"refused":"Why."}`.
fn is_unversioned(answer: &Value) -> bool {
    answer == "ok" || answer.get("refused").is_some_and(Value::is_string)
}

/// What a client has ignored because its version does not know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Fields of messages.
    pub fields: u64,
    /// Events.
    pub events: u64,
}

/// One line of an open control connection, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Reply to a request.
    Reply(Reply),
    /// Event of the machine.
    Event(Event),
    /// Event that this version does not know; it is counted.
    Unknown,
}

/// Messages of one open control connection, and counts of what was ignored in them.
#[derive(Debug, Default)]
pub struct Session {
    last_id: AtomicU64,
    unknown_fields: AtomicU64,
    unknown_events: AtomicU64,
}

impl Session {
    /// Gives `command` a number of its own: the number, and the line to send.
    ///
    /// # Errors
    /// Never, as these messages are; see [`codec::encode`].
    pub fn request(&self, command: Command) -> Result<(u64, Vec<u8>), ClientError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let line = codec::encode(&Request { id, command }).map_err(ClientError::malformed)?;
        Ok((id, line))
    }

    /// Understands one line of the machine's.
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

    /// What was ignored up to now.
    pub fn ignored(&self) -> Ignored {
        Ignored {
            fields: self.unknown_fields.load(Ordering::Relaxed),
            events: self.unknown_events.load(Ordering::Relaxed),
        }
    }
}

/// The outcome of a request, its refusal as an error.
///
/// # Errors
/// [`ClientError::Refused`] for [`Outcome::Error`].
pub fn success(outcome: Outcome) -> Result<Outcome, ClientError> {
    match outcome {
        Outcome::Error(text) => Err(ClientError::Refused(text)),
        other => Ok(other),
    }
}

/// An outcome that does not belong to the request that it answers.
pub(super) fn misplaced(outcome: &Outcome) -> ClientError {
    ClientError::Malformed(format!("a reply of another kind than the request's: {outcome:?}"))
}
