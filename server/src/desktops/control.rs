//! The control connection to a machine: requests with replies, and events.

use oriel_vmm_api::{Command, Description, Event, Open, Opened, Reply, Request, ViewerMode};
use serde::Deserialize;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// A line of the machine's is at most so long; a machine whose guest has broken out is not trusted.
const LONGEST_LINE: u64 = 256 * 1024;
/// How long a machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends requests.
pub(super) struct ControlLink {
    writer: OwnedWriteHalf,
    next_id: u64,
    waiting: Waiting,
}

/// Hears events; `None` when the connection has ended.
pub(super) type Events = mpsc::Receiver<Event>;

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<oriel_vmm_api::control::Outcome>>>>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Event(Event),
    Reply(Reply),
}

impl ControlLink {
    /// Connects, and asks for the machine's description and all events from then on.
    ///
    /// # Errors
    /// Nobody answers, or not as agreed.
    pub(super) async fn connect(socket: &Path) -> io::Result<(Self, Events, Description)> {
        tokio::time::timeout(PATIENCE, async {
            let (reader, writer) = open(socket, &Open::Control).await?.into_split();
            let waiting = Waiting::default();
            let (sender, events) = mpsc::channel(64);
            tokio::spawn(read_lines(BufReader::new(reader), Arc::clone(&waiting), sender));
            let mut link = Self { writer, next_id: 1, waiting };
            // Events first, so that none falls between the description and them.
            link.request(Command::Watch).await.map_err(io::Error::other)?;
            match link.ask(Command::Describe).await? {
                oriel_vmm_api::control::Outcome::Description(description) => Ok((link, events, *description)),
                other => Err(io::Error::other(format!("the machine described itself as {other:?}"))),
            }
        })
        .await?
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn request(&mut self, command: Command) -> Result<(), String> {
        match self.ask(command).await {
            Ok(oriel_vmm_api::control::Outcome::Error(text)) => Err(text),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("The desktop's machine does not answer ({error}).")),
        }
    }

    async fn ask(&mut self, command: Command) -> io::Result<oriel_vmm_api::control::Outcome> {
        let id = self.next_id;
        self.next_id += 1;
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let answer = async {
            send_line(&mut self.writer, &Request { id, command }).await?;
            receiver.await.map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        answer?
    }
}

/// Connects a viewer; from here on the connection carries the messages of `display/PROTOCOL.md`.
///
/// # Errors
/// Nobody answers, or the viewer is refused.
pub async fn open_viewer(socket: &Path, mode: ViewerMode) -> io::Result<UnixStream> {
    tokio::time::timeout(PATIENCE, open(socket, &Open::Viewer { mode })).await?
}

async fn open(socket: &Path, how: &Open) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket).await?;
    send_line(&mut stream, how).await?;
    let answer = read_one_line(&mut stream).await?;
    match serde_json::from_slice(&answer)? {
        Opened::Ok => Ok(stream),
        Opened::Refused(text) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, text)),
    }
}

async fn send_line(to: &mut (impl AsyncWriteExt + Unpin), message: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// Reads byte by byte: what follows the line belongs to someone else.
async fn read_one_line(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    while (line.len() as u64) < LONGEST_LINE {
        match stream.read_u8().await? {
            b'\n' => return Ok(line),
            byte => line.push(byte),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

async fn read_lines(mut reader: BufReader<OwnedReadHalf>, waiting: Waiting, events: mpsc::Sender<Event>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\n") => {}
            // The end, or a line without one.
            _ => break,
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Event(event)) => {
                if events.send(event).await.is_err() {
                    break;
                }
            }
            Ok(Line::Reply(reply)) => {
                let waiter = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&reply.id);
                // Whoever asked may have given up.
                waiter.map(|waiter| waiter.send(reply.outcome));
            }
            Err(error) => tracing::warn!(%error, "a machine sent a line that is not understood"),
        }
    }
    // Nobody is left to answer those who wait.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
