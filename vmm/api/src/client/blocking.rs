//! The client of the control socket over blocking sockets, for command lines and tests.

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

/// A control connection over a blocking socket. Requests are answered one at a time; events that
/// come meanwhile wait for [`Self::next_event`].
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
    /// When nobody listens there, or the machine does not open the connection; see [`ClientError`].
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

    /// Version of the control messages that the connection speaks.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What this client ignored because its version does not know it.
    pub fn ignored(&self) -> Ignored {
        self.session.ignored()
    }

    /// Sends `command` and waits for its outcome.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the machine does not do it; others when the connection fails.
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

    /// Asks the machine for its description.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn describe(&mut self) -> Result<Description, ClientError> {
        match self.request(Command::Describe)? {
            Outcome::Description(description) => Ok(*description),
            other => Err(session::misplaced(&other)),
        }
    }

    /// Waits, without a limit of time, for the next event after [`Command::Watch`]; `None` once the
    /// machine has ended the connection.
    ///
    /// # Errors
    /// When the connection breaks or a line is no message.
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
            // A reset is how a socket tells that a process has ended.
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

/// Connects a viewer: a stream of the messages of `docs/protocol.md`.
///
/// # Errors
/// When nobody listens at `socket`, or the machine refuses the viewer; see [`ClientError`].
pub fn open_viewer(
    socket: &Path,
    mode: ViewerMode,
    options: &ClientOptions,
) -> Result<UnixStream, ClientError> {
    let (stream, _) = open(socket, Purpose::Viewer { mode }, options)?;
    stream.set_read_timeout(None)?;
    Ok(stream)
}

fn open(socket: &Path, purpose: Purpose, options: &ClientOptions) -> Result<(UnixStream, u32), ClientError> {
    let mut stream = UnixStream::connect(socket)
        .map_err(|error| ClientError::NotListening { path: socket.to_owned(), error })?;
    stream.set_read_timeout(Some(options.timeout))?;
    let handshake = Handshake::new(options.versions, purpose);
    stream.write_all(&handshake.first_line()?)?;
    let line = read_answer(&mut stream).map_err(|error| explain(error, options.timeout))?;
    Ok((stream, handshake.answered(&line)?))
}

/// Reads byte by byte: what follows the line belongs to another protocol.
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

fn explain(error: io::Error, timeout: Duration) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut(timeout),
        io::ErrorKind::UnexpectedEof => ClientError::Disconnected,
        io::ErrorKind::InvalidData => ClientError::Malformed("it is too long".into()),
        _ => ClientError::Io(error),
    }
}
