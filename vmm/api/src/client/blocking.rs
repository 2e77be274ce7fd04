//! Client of the control socket over blocking sockets, for command lines and tests.
//!
//! [`BlockingClient`] is a control connection; [`open_viewer`] opens a viewer connection and leaves
//! its messages to the caller. The server uses the client on tokio instead.

use super::ClientOptions;
use super::error::ClientError;
use super::session::{self, Handshake, Ignored, Incoming, Session};
use crate::codec::{MAX_HANDSHAKE_LINE, MAX_LINE};
use crate::control::{Command, Description, Event, Outcome, Purpose, ViewerMode};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Control connection over a blocking socket. One request is in progress at a time; events that
/// arrive before its reply are kept for [`Self::next_event`].
#[derive(Debug)]
pub struct BlockingClient {
    reader: BufReader<UnixStream>,
    session: Session,
    version: u32,
    timeout: Duration,
    events: VecDeque<Event>,
}

impl BlockingClient {
    /// Opens the control socket at `socket` and performs the handshake.
    ///
    /// # Errors
    /// When no process listens at `socket`, or the handshake fails; see [`ClientError`].
    pub fn connect(socket: &Path, options: &ClientOptions) -> Result<Self, ClientError> {
        let (stream, version) = open(socket, Purpose::Control, options)?;
        Ok(Self {
            reader: BufReader::new(stream),
            session: Session::default(),
            version,
            timeout: options.timeout,
            events: VecDeque::new(),
        })
    }

    /// Returns the version of the control messages on the connection.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns the counts of unknown fields and events that the client has ignored.
    pub fn ignored(&self) -> Ignored {
        self.session.ignored()
    }

    /// Sends `command` and waits for its outcome.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the machine refuses the command; others when the connection
    /// fails or no reply arrives within the timeout.
    pub fn request(&mut self, command: Command) -> Result<Outcome, ClientError> {
        let (id, line) = self.session.request(command)?;
        self.reader.get_ref().set_read_timeout(Some(self.timeout))?;
        self.reader.get_mut().write_all(&line)?;
        loop {
            match self.next_line()?.ok_or(ClientError::Disconnected)? {
                Incoming::Reply(reply) if reply.id == id => return session::success(reply.outcome),
                Incoming::Event(event) => self.events.push_back(event),
                Incoming::Reply(_) | Incoming::Unknown => {}
            }
        }
    }

    /// Requests the machine's description.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn describe(&mut self) -> Result<Description, ClientError> {
        match self.request(Command::Describe)? {
            Outcome::Description(description) => Ok(*description),
            other => Err(session::misplaced(&other)),
        }
    }

    /// Waits without a timeout for the next event, after a request of [`Command::Watch`]. Returns
    /// `None` once the machine has closed the connection.
    ///
    /// # Errors
    /// When reading fails, or a line is not a control message.
    pub fn next_event(&mut self) -> Result<Option<Event>, ClientError> {
        self.reader.get_ref().set_read_timeout(None)?;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match self.next_line()? {
                Some(Incoming::Event(event)) => return Ok(Some(event)),
                Some(Incoming::Reply(_) | Incoming::Unknown) => {}
                None => return Ok(None),
            }
        }
    }

    fn next_line(&mut self) -> Result<Option<Incoming>, ClientError> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(MAX_LINE as u64).read_until(b'\n', &mut line);
        match read.map_err(|error| explain(error, self.timeout)) {
            // The kernel resets the connection when the machine exits with unread requests.
            Err(ClientError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            result => result?,
        };
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            return Err(ClientError::Malformed("it is cut short or too long".into()));
        }
        self.session.received(&line).map(Some)
    }
}

/// Opens a viewer connection and returns the stream after the handshake. The stream carries the
/// messages of `docs/protocol.md`, each behind its `u32` little-endian length, and has no timeout.
///
/// # Errors
/// When no process listens at `socket`, or the machine refuses the viewer; see [`ClientError`].
pub fn open_viewer(
    socket: &Path,
    mode: ViewerMode,
    options: &ClientOptions,
) -> Result<UnixStream, ClientError> {
    let (stream, _) = open(socket, Purpose::Viewer { mode }, options)?;
    stream.set_read_timeout(None)?;
    Ok(stream)
}

/// Connects and performs the handshake; returns the stream and the version of the connection.
fn open(socket: &Path, purpose: Purpose, options: &ClientOptions) -> Result<(UnixStream, u32), ClientError> {
    let mut stream = UnixStream::connect(socket)
        .map_err(|error| ClientError::NotListening { path: socket.to_owned(), error })?;
    stream.set_read_timeout(Some(options.timeout))?;
    let handshake = Handshake::new(options.versions, purpose);
    stream.write_all(&handshake.first_line()?)?;
    let line = read_answer(&mut stream).map_err(|error| explain(error, options.timeout))?;
    Ok((stream, handshake.answered(&line)?))
}

/// Reads the answer of the handshake, byte by byte: bytes after the line belong to the next protocol.
fn read_answer(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < MAX_HANDSHAKE_LINE {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(line);
        }
        line.extend(byte);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Converts an error of the socket to an error of the client.
fn explain(error: io::Error, timeout: Duration) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut(timeout),
        io::ErrorKind::UnexpectedEof => ClientError::Disconnected,
        io::ErrorKind::InvalidData => ClientError::Malformed("it is too long".into()),
        _ => ClientError::Io(error),
    }
}
