//! Backend of a port on the host: a log, or a socket with backpressure.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

/// Configuration of a named port.
pub struct NamedPort {
    /// Name by which programs in the guest find the port; at most 255 bytes.
    pub name: &'static str,
    /// Socket for the port's bytes in both directions, with backpressure. The peer must not write while the
    /// guest has the port closed.
    pub stream: UnixStream,
    /// Callback for a program in the guest that opens (true) or closes (false) the port, on the event-loop
    /// thread; must not block. After the call for a closing has returned, the peer must not write.
    pub on_open: Box<dyn FnMut(bool) + Send>,
}

/// Result of a write to a port's backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Number of bytes that the backend accepted.
    Written(usize),
    /// The socket is full until it is writable again.
    WouldBlock,
    /// The backend refused the bytes permanently.
    Lost,
}

/// Backend of a port on the host.
pub enum PortBackend {
    /// Sink for console output, which accepts or loses all bytes at once.
    Log(Box<dyn Write + Send>),
    /// Socket of a named port.
    Socket(PortSocket),
}

impl PortBackend {
    /// Writes `bytes`, possibly only the first part.
    pub fn write(&mut self, bytes: &[u8]) -> WriteOutcome {
        match self {
            Self::Log(sink) => {
                sink.write_all(bytes).map_or(WriteOutcome::Lost, |()| WriteOutcome::Written(bytes.len()))
            }
            Self::Socket(stream) => stream.write(bytes),
        }
    }

    /// Reads available bytes; returns 0 if none are available.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Log(_) => 0,
            Self::Socket(stream) => stream.read(buffer),
        }
    }
}

/// Socket of a named port, and the events for which it is watched.
pub struct PortSocket {
    socket: UnixStream,
    /// Epoll instance that is readable whenever a watched event of the socket is pending.
    epoll: Epoll,
    interest: EventSet,
    disconnected: bool,
}

impl PortSocket {
    /// Creates the backend of `socket`, which becomes non-blocking and is not watched for events yet.
    ///
    /// # Errors
    /// When the host is out of file descriptors.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let epoll = Epoll::new()?;
        let nothing = EventSet::empty();
        epoll.ctl(ControlOperation::Add, socket.as_raw_fd(), EpollEvent::new(nothing, 0))?;
        Ok(Self { socket, epoll, interest: nothing, disconnected: false })
    }

    /// Returns the file descriptor that is readable when an event of [`Self::set_interest`] is pending.
    pub fn event_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Whether the peer has closed the socket.
    pub fn is_disconnected(&self) -> bool {
        self.disconnected
    }

    /// Watches the socket for readability, writability, both or neither.
    pub fn set_interest(&mut self, read: bool, write: bool) {
        let mut wanted = EventSet::empty();
        wanted.set(EventSet::IN, read);
        wanted.set(EventSet::OUT, write);
        if self.disconnected || wanted == self.interest {
            return;
        }
        let fd = self.socket.as_raw_fd();
        match self.epoll.ctl(ControlOperation::Modify, fd, EpollEvent::new(wanted, 0)) {
            Ok(()) => self.interest = wanted,
            Err(error) => tracing::error!(%error, "a port's socket cannot be watched"),
        }
    }

    /// Discards all available bytes.
    pub fn drain(&mut self) {
        let mut chunk = [0; 4096];
        while self.read(&mut chunk) > 0 {}
    }

    /// Writes bytes to the socket, possibly only the first part.
    fn write(&mut self, bytes: &[u8]) -> WriteOutcome {
        match self.socket.write(bytes) {
            Ok(written) => WriteOutcome::Written(written),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                WriteOutcome::WouldBlock
            }
            Err(_) => {
                self.disconnect();
                WriteOutcome::Lost
            }
        }
    }

    /// Reads available bytes from the socket; returns 0 if none are available.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        if self.disconnected {
            return 0;
        }
        match self.socket.read(buffer) {
            Ok(0) if !buffer.is_empty() => self.disconnect(),
            Ok(read) => return read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.disconnect(),
        }
        0
    }

    /// Stops watching a socket whose peer has closed it, since such a socket is always ready.
    fn disconnect(&mut self) {
        if !self.disconnected {
            self.disconnected = true;
            let fd = self.socket.as_raw_fd();
            let _ = self.epoll.ctl(ControlOperation::Delete, fd, EpollEvent::default());
        }
    }
}
