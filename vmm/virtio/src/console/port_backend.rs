//! Where the bytes of a port go on the host: into a log, or over a socket to a program that reads
//! when it likes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

/// A port that programs in the guest find by its name.
pub struct NamedPort {
    /// At most 255 bytes.
    pub name: &'static str,
    /// What the guest writes comes out at the other end, and what is written there the guest reads.
    /// When either is slow the other waits. Nothing may be written while the guest has the port closed.
    pub stream: UnixStream,
    /// Told whenever a program in the guest opens or closes the port, on the event loop's thread:
    /// it must not block. Once it has returned for a closing nothing more may be written.
    pub on_open: Box<dyn FnMut(bool) + Send>,
}

/// What became of bytes from the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// So many of them were taken.
    Written(usize),
    /// There is no room now.
    WouldBlock,
    /// They are lost, and nothing can be done about it.
    Lost,
}

/// A port's end on the host.
pub enum PortBackend {
    /// It takes everything at once or loses it, and has nothing to say.
    Log(Box<dyn Write + Send>),
    /// It takes its time.
    Socket(PortSocket),
}

impl PortBackend {
    pub fn write(&mut self, bytes: &[u8]) -> WriteOutcome {
        match self {
            Self::Log(sink) => {
                sink.write_all(bytes).map_or(WriteOutcome::Lost, |()| WriteOutcome::Written(bytes.len()))
            }
            Self::Socket(stream) => stream.write(bytes),
        }
    }

    /// Reads what there is; 0 for nothing now.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Log(_) => 0,
            Self::Socket(stream) => stream.read(buffer),
        }
    }
}

/// A socket, and the events that it is watched for.
pub struct PortSocket {
    socket: UnixStream,
    /// Readable whenever the socket is what it is watched for; its owner sees to it by this.
    epoll: Epoll,
    interest: EventSet,
    disconnected: bool,
}

impl PortSocket {
    /// # Errors
    /// When the host is out of descriptors.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let epoll = Epoll::new()?;
        let nothing = EventSet::empty();
        epoll.ctl(ControlOperation::Add, socket.as_raw_fd(), EpollEvent::new(nothing, 0))?;
        Ok(Self { socket, epoll, interest: nothing, disconnected: false })
    }

    /// Readable when what [`Self::set_interest`] said has come.
    pub fn event_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Whether the other end has closed.
    pub fn is_disconnected(&self) -> bool {
        self.disconnected
    }

    /// Waits from now on for something to read, for room to write, for both or for neither.
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

    /// Throws away what there is to read.
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

    /// A socket whose other end has closed would be ready for ever.
    fn disconnect(&mut self) {
        if !self.disconnected {
            self.disconnected = true;
            let fd = self.socket.as_raw_fd();
            let _ = self.epoll.ctl(ControlOperation::Delete, fd, EpollEvent::default());
        }
    }
}
