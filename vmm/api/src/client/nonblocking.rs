//! Client of the control socket over tokio, for the server.
//!
//! A task per [`ControlClient`] reads the connection and passes replies to waiting requests and
//! events to the [`EventReceiver`]. [`open_viewer`] opens a viewer connection for the gateway, which
//! relays its bytes.

use super::ClientOptions;
use super::error::ClientError;
use super::session::{self, Handshake, Ignored, Incoming, Session};
use crate::codec::{MAX_HANDSHAKE_LINE, MAX_LINE};
use crate::control::{Command, Description, Event, Outcome, Purpose, ViewerMode};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf, WriteHalf,
};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// Number of events that the channel to the receiver holds. While the channel is full, the reading
/// task waits, and replies are delayed.
const EVENT_BACKLOG: usize = 64;

/// Receiver of a machine's events after a request of [`Command::Watch`]; receives `None` once the
/// connection has ended.
pub type EventReceiver = mpsc::Receiver<Event>;

/// Channels for the replies of requests in progress, by number of the request.
type Pending = Arc<Mutex<HashMap<u64, oneshot::Sender<Outcome>>>>;

/// Control connection over a stream of bytes, usually a Unix socket. Dropping the client closes the
/// connection and ends the events.
#[derive(Debug)]
pub struct ControlClient<S = UnixStream> {
    writer: WriteHalf<S>,
    session: Arc<Session>,
    pending: Pending,
    version: u32,
    timeout: Duration,
    _reading: AbortOnDrop,
}

/// Handle of a task that aborts the task when dropped.
#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connection to a machine with subscription to its events: result of [`ControlClient::attach`].
#[derive(Debug)]
pub struct Attached<S = UnixStream> {
    /// Client for further requests.
    pub client: ControlClient<S>,
    /// Receiver of all events after `description`; events from shortly before may be included.
    pub events: EventReceiver,
    /// Description of the machine at the time of the subscription.
    pub description: Description,
}

impl ControlClient {
    /// Opens the control socket at `socket` and performs the handshake.
    ///
    /// # Errors
    /// When no process listens at `socket`, or the handshake fails; see [`ClientError`].
    pub async fn connect(
        socket: &Path,
        options: &ClientOptions,
    ) -> Result<(Self, EventReceiver), ClientError> {
        Self::over(dial(socket).await?, options).await
    }

    /// Connects to the machine at `socket`, subscribes to its events, and requests its description.
    ///
    /// # Errors
    /// As [`Self::connect`] and [`Self::request`].
    pub async fn attach(socket: &Path, options: &ClientOptions) -> Result<Attached, ClientError> {
        Self::attach_over(dial(socket).await?, options).await
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ControlClient<S> {
    /// Performs the handshake on `stream`, a connection to a control socket, and spawns the task that
    /// reads the stream. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the handshake fails; see [`ClientError`].
    pub async fn over(mut stream: S, options: &ClientOptions) -> Result<(Self, EventReceiver), ClientError> {
        let version = open(&mut stream, Purpose::Control, options).await?;
        let (reader, writer) = tokio::io::split(stream);
        let (session, pending) = (Arc::<Session>::default(), Pending::default());
        let (sender, events) = mpsc::channel(EVENT_BACKLOG);
        let reading = read_lines(BufReader::new(reader), session.clone(), pending.clone(), sender);
        let reading = AbortOnDrop(tokio::spawn(reading).abort_handle());
        Ok((Self { writer, session, pending, version, timeout: options.timeout, _reading: reading }, events))
    }

    /// Performs the handshake on `stream`, a connection to a control socket, subscribes to events, and
    /// requests the machine's description.
    ///
    /// # Errors
    /// As [`Self::over`] and [`Self::request`].
    pub async fn attach_over(stream: S, options: &ClientOptions) -> Result<Attached<S>, ClientError> {
        let (mut client, events) = Self::over(stream, options).await?;
        // The subscription comes first, so that no event after the description is missed.
        client.request(Command::Watch).await?;
        let description = client.describe().await?;
        Ok(Attached { client, events, description })
    }

    /// Sends `command` and waits for its outcome.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the machine refuses the command; others when the connection
    /// fails or no reply arrives within the timeout.
    pub async fn request(&mut self, command: Command) -> Result<Outcome, ClientError> {
        let (id, line) = self.session.request(command)?;
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().insert(id, sender);
        let answer = async {
            self.writer.write_all(&line).await?;
            receiver.await.map_err(|_| ClientError::Disconnected)
        };
        let answer = tokio::time::timeout(self.timeout, answer).await;
        self.pending.lock().remove(&id);
        session::success(answer.map_err(|_| ClientError::TimedOut(self.timeout))??)
    }

    /// Requests the machine's description.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn describe(&mut self) -> Result<Description, ClientError> {
        match self.request(Command::Describe).await? {
            Outcome::Description(description) => Ok(*description),
            other => Err(session::misplaced(&other)),
        }
    }

    /// Returns the version of the control messages on the connection.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns the counts of unknown fields and events that the client has ignored.
    pub fn ignored(&self) -> Ignored {
        self.session.ignored()
    }
}

/// Opens a viewer connection to the machine at `socket`.
///
/// # Errors
/// When no process listens at `socket`, or the machine refuses the viewer; see [`ClientError`].
pub async fn open_viewer(
    socket: &Path,
    mode: ViewerMode,
    options: &ClientOptions,
) -> Result<ViewerStream, ClientError> {
    let mut stream = dial(socket).await?;
    open(&mut stream, Purpose::Viewer { mode }, options).await?;
    Ok(ViewerStream(stream))
}

/// Viewer connection after the handshake: a stream of the messages of `docs/protocol.md`, each behind
/// its `u32` little-endian length.
#[derive(Debug)]
pub struct ViewerStream(UnixStream);

impl ViewerStream {
    /// Returns the Unix socket of the stream.
    pub fn into_inner(self) -> UnixStream {
        self.0
    }
}

impl AsyncRead for ViewerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for ViewerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

async fn dial(socket: &Path) -> Result<UnixStream, ClientError> {
    UnixStream::connect(socket)
        .await
        .map_err(|error| ClientError::NotListening { path: socket.to_owned(), error })
}

/// Performs the handshake and returns the version of the connection.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    purpose: Purpose,
    options: &ClientOptions,
) -> Result<u32, ClientError> {
    let handshake = Handshake::new(options.versions, purpose);
    let opening = async {
        stream.write_all(&handshake.first_line()?).await?;
        handshake.answered(&read_answer(stream).await?)
    };
    tokio::time::timeout(options.timeout, opening)
        .await
        .map_err(|_| ClientError::TimedOut(options.timeout))?
}

/// Reads the answer of the handshake, byte by byte: bytes after the line belong to the next protocol.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, ClientError> {
    let mut line = Vec::new();
    while line.len() < MAX_HANDSHAKE_LINE {
        match stream.read_u8().await {
            Ok(b'\n') => return Ok(line),
            Ok(byte) => line.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ClientError::Disconnected);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(ClientError::Malformed("it is too long".into()))
}

/// Reads replies and events until the connection ends. Lines that are not control messages are logged
/// and skipped.
async fn read_lines(
    mut reader: BufReader<impl AsyncRead + Unpin>,
    session: Arc<Session>,
    pending: Pending,
    events: mpsc::Sender<Event>,
) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE as u64).read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\n") => {}
            // The connection ended, or the line is longer than the limit.
            _ => break,
        }
        match session.received(&line) {
            // A dropped event receiver is no error: replies must still be delivered.
            Ok(Incoming::Event(event)) => drop(events.send(event).await),
            Ok(Incoming::Reply(reply)) => {
                let waiting = pending.lock().remove(&reply.id);
                // The request may have timed out meanwhile.
                waiting.map(|waiting| waiting.send(reply.outcome));
            }
            Ok(Incoming::Unknown) => {}
            Err(error) => crate::log_limited!(warn, %error, "a machine sent a line that is not understood"),
        }
    }
    // Dropping the channels ends the requests in progress with `Disconnected`.
    pending.lock().clear();
}
