//! Backend of a port on the host: a log, or a socket with backpressure.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

/// Configuration of a named port.
pub struct NamedPort {
    /// Name by which programs in the guest find the port; at most 255 bytes.
    pub name: &'static str,
    /// Socket that carries the port's bytes in both directions, with backpressure. The other end must
    /// not write while the guest has the port closed.
    pub stream: UnixStream,
    /// Called on the event-loop thread when a program in the guest opens (true) or closes the port; must
    /// not block. Once the call for a closing has returned, the other end must not write.
    pub on_open: Box<dyn FnMut(bool) + Send>,
}

/// Result of a write to a port's backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The backend took this number of bytes.
    Written(usize),
    /// The socket is full: try again when it is writable.
    WouldBlock,
    /// The backend refused the bytes for good.
    Lost,
}

/// Backend of a port.
pub enum PortBackend {
    /// Sink for console output: takes or loses all bytes at once.
    Log(Box<dyn Write + Send>),
    /// Socket of a named port.
    Socket(PortSocket),
}

impl PortBackend {
    /// Writes `bytes`, possibly a part of them.
    pub fn write(&mut self, bytes: &[u8]) -> WriteOutcome {
        match self {
            Self::Log(sink) => {
                sink.write_all(bytes).map_or(WriteOutcome::Lost, |()| WriteOutcome::Written(bytes.len()))
            }
            Self::Socket(stream) => stream.write(bytes),
        }
    }

    /// Reads available bytes; 0 if there are none now.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Log(_) => 0,
            Self::Socket(stream) => stream.read(buffer),
        }
    }
}

/// Socket of a named port and the events it is watched for.
pub struct PortSocket {
    socket: UnixStream,
    /// Epoll instance that is readable whenever a watched event of the socket is pending.
    epoll: Epoll,
    interest: EventSet,
    disconnected: bool,
}

impl PortSocket {
    /// Non-blocking socket that is not watched yet.
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

    /// File descriptor that is readable when an event of [`Self::set_interest`] is pending.
    pub fn event_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Whether the other end has closed the socket.
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

    /// Discards all bytes that can be read.
    pub fn drain(&mut self) {
        let mut chunk = [0; 4096];
        while self.read(&mut chunk) > 0 {}
    }

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

    /// Stops watching a socket whose other end has closed: it would be ready for ever.
    fn disconnect(&mut self) {
        if !self.disconnected {
            self.disconnected = true;
            let fd = self.socket.as_raw_fd();
            let _ = self.epoll.ctl(ControlOperation::Delete, fd, EpollEvent::default());
        }
    }
}
