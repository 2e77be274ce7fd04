//! One question, one answer: JSON lines, and how to find the line's beginning in a stream that may
//! hold anything.

use crate::port::{Life, PortEnd, PortError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Marks the beginning of an answer to `guest-sync-delimited`; it occurs in no JSON text.
const SENTINEL: u8 = 0xFF;
/// No answer is longer.
const MAX_LINE: usize = 256 * 1024;
/// So much is read in search of an answer.
const MAX_SEARCH: usize = 4 * 1024 * 1024;
/// How long an agent may take to find back to us.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);

/// Why a command came to nothing. Each is one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// No agent has the port open.
    #[error("The guest's agent is not there; install and start qemu-guest-agent in the guest.")]
    NotConnected,
    /// The agent closed the port while it was asked.
    #[error("The guest's agent went away before it answered.")]
    Left,
    /// No answer in time.
    #[error("The guest's agent does not answer.")]
    Silent,
    /// The agent would not; its own words.
    #[error("The guest's agent refused: {0}.")]
    Refused(String),
    /// The host has no thread left to end a freeze with.
    #[error("The host is out of threads; stop some desktops first.")]
    NoThread,
    /// What came back was no answer.
    #[error("The guest's agent gave an answer that is none.")]
    Garbage,
}

impl From<PortError> for AgentError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::TimedOut => Self::Silent,
            PortError::Closed | PortError::Failed(_) => Self::Left,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Return(Value),
    Error(Refusal),
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    desc: String,
}

/// What is said over one port.
pub(super) struct Conversation {
    port: PortEnd,
    last_id: u32,
    /// Read and not yet understood.
    unread: Vec<u8>,
}

impl Conversation {
    pub(super) fn new(port: PortEnd) -> Self {
        Self { port, last_id: 0, unread: Vec::new() }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.port.life().is_some()
    }

    /// Gives the agent a command and waits for its answer.
    pub(super) fn ask(
        &mut self,
        command: &str,
        arguments: Option<Value>,
        patience: Duration,
    ) -> Result<Value, AgentError> {
        let life = self.port.life().ok_or(AgentError::NotConnected)?;
        self.synchronise(life)?;
        let mut question = json!({ "execute": command });
        if let (Some(arguments), Some(fields)) = (arguments, question.as_object_mut()) {
            fields.insert("arguments".to_owned(), arguments);
        }
        let deadline = Instant::now() + patience;
        self.port.write_by(life, deadline, format!("{question}\n").as_bytes())?;
        let line = self.line(life, deadline)?;
        match serde_json::from_slice(&line) {
            Ok(Answer::Return(value)) => Ok(value),
            Ok(Answer::Error(Refusal { desc })) => {
                Err(AgentError::Refused(super::answers::plain(&desc).trim_end_matches('.').to_owned()))
            }
            Err(_) => Err(AgentError::Garbage),
        }
    }

    /// Makes the agent forget half a command, and finds the place in the stream from which on its
    /// answers are to us: whatever was left over from earlier questions lies before it.
    fn synchronise(&mut self, life: Life) -> Result<(), AgentError> {
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        let question = json!({ "execute": "guest-sync-delimited", "arguments": { "id": id } });
        let deadline = Instant::now() + SYNC_PATIENCE;
        let bytes = [&[SENTINEL], format!("{question}\n").as_bytes()].concat();
        self.unread.clear();
        self.port.write_by(life, deadline, &bytes)?;
        let mut searched = 0;
        loop {
            searched += self.skip_to_sentinel(life, deadline)?;
            let line = self.line(life, deadline)?;
            searched += line.len();
            let answer = serde_json::from_slice(&line);
            if matches!(answer, Ok(Answer::Return(value)) if value.as_u64() == Some(id.into())) {
                return Ok(());
            }
            if searched > MAX_SEARCH {
                return Err(AgentError::Garbage);
            }
        }
    }

    /// Drops everything up to the next sentinel and with it; how much that was.
    fn skip_to_sentinel(&mut self, life: Life, deadline: Instant) -> Result<usize, AgentError> {
        let mut skipped = 0;
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == SENTINEL) {
                self.unread.drain(..=at);
                return Ok(skipped + at);
            }
            skipped += self.unread.len();
            self.unread.clear();
            if skipped > MAX_SEARCH {
                return Err(AgentError::Garbage);
            }
            self.read_more(life, deadline)?;
        }
    }

    /// The next line.
    fn line(&mut self, life: Life, deadline: Instant) -> Result<Vec<u8>, AgentError> {
        let mut seen = 0;
        loop {
            let fresh = self.unread.get(seen..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.unread.split_off(seen + at + 1);
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            seen = self.unread.len();
            if seen > MAX_LINE {
                return Err(AgentError::Garbage);
            }
            self.read_more(life, deadline)?;
        }
    }

    fn read_more(&mut self, life: Life, deadline: Instant) -> Result<(), AgentError> {
        let mut piece = [0; 4096];
        let read = self.port.read_by(life, deadline, &mut piece)?;
        self.unread.extend_from_slice(piece.get(..read).unwrap_or_default());
        // A guest that sends without end is not read without end.
        if Instant::now() > deadline { Err(AgentError::Silent) } else { Ok(()) }
    }
}
