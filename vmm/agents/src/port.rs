//! Host's end of one port of a guest's console device (virtio 1.2, 5.3): a stream of bytes, and whether a
//! program in the guest has the port open.
//!
//! The bytes use a socket pair, whose kernel buffers bound both directions: a slow host blocks the guest's
//! writes, and a slow guest blocks the host's.

use crate::poll::{self, Watched};
use parking_lot::Mutex;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Reason for which no bytes were read or written.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The guest closed the port, or another program has opened it since.
    #[error("nobody in the guest has the port open")]
    Closed,
    /// The deadline passed before bytes were read or written.
    #[error("the port timed out")]
    TimedOut,
    /// The machine ended, or a system call of the host failed.
    #[error("the port failed: {0}")]
    Failed(#[from] io::Error),
}

/// Identifier of one opening of a port, so that bytes for one program never reach the next program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenId(u64);

/// Whether the port is open, and the number of openings so far.
#[derive(Debug, Default)]
struct State {
    open: bool,
    opens: u64,
}

/// State that the host's end, the machine's handle and wakers share.
#[derive(Debug)]
struct Shared {
    stream: UnixStream,
    state: Mutex<State>,
    wake_event: EventFd,
}

/// Creates a port: the host's end for an agent's protocol, and for the machine the stream's other end,
/// which does not block, and the handle by which the machine reports openings.
///
/// # Errors
/// When the host is out of descriptors.
pub fn pair() -> io::Result<(HostPort, UnixStream, PortOpenState)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let wake_event = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
    let shared = Arc::new(Shared { stream: ours, state: Mutex::default(), wake_event });
    Ok((HostPort(shared.clone()), theirs, PortOpenState(shared)))
}

/// Handle by which the machine reports that the guest opened or closed a port.
#[derive(Debug, Clone)]
pub struct PortOpenState(Arc<Shared>);

impl PortOpenState {
    /// Records that a program in the guest opened or closed the port. After closing, no bytes are written for
    /// that program, and bytes left in the stream may be discarded.
    pub fn set_open(&self, open: bool) {
        let mut state = self.0.state.lock();
        if state.open != open {
            state.open = open;
            state.opens = state.opens.saturating_add(u64::from(open));
            drop(state);
            self.0.wake();
        }
    }

    /// Discards unread bytes of an earlier program. A machine that detects an opening before the program's
    /// first byte calls this method before [`Self::set_open`].
    pub fn discard_unread(&self) {
        let _reading = self.0.state.lock();
        drain(&self.0.stream);
    }
}

/// Discards every byte that can be read from `stream` without blocking.
pub fn drain(mut stream: &UnixStream) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer), Ok(read) if read > 0) {}
}

impl Shared {
    /// Ends a wait at the port.
    fn wake(&self) {
        // Writing fails only if the counter overflows; the event is readable then.
        let _ = self.wake_event.write(1);
    }
}

/// Host's end of a port.
#[derive(Debug)]
pub struct HostPort(Arc<Shared>);

/// Handle that wakes the thread that waits at a [`HostPort`].
#[derive(Debug, Clone)]
pub struct Waker(Arc<Shared>);

impl Waker {
    /// Makes [`HostPort::wait`] and [`HostPort::wait_for`] return.
    pub fn wake(&self) {
        self.0.wake();
    }
}

impl HostPort {
    /// Returns the current opening of the port; `None` while the port is closed.
    pub fn open_id(&self) -> Option<OpenId> {
        let state = self.0.state.lock();
        state.open.then_some(OpenId(state.opens))
    }

    /// Creates a handle that wakes a thread waiting at this port.
    pub fn waker(&self) -> Waker {
        Waker(self.0.clone())
    }

    /// Reads bytes without blocking. Returns the number of bytes, 0 if none are available.
    ///
    /// # Errors
    /// [`PortError::Failed`] when the machine ended.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, PortError> {
        let _state = self.0.state.lock();
        read(&self.0.stream, buffer)
    }

    /// Reads bytes of the opening `open_id` without blocking, as [`Self::read`] does. Only for machines that
    /// detect an opening before the program's first byte.
    ///
    /// # Errors
    /// [`PortError::Closed`] when that program closed the port, [`PortError::Failed`] when the machine ended.
    pub fn read_from(&self, open_id: OpenId, buffer: &mut [u8]) -> Result<usize, PortError> {
        let state = self.0.state.lock();
        if !state.open || state.opens != open_id.0 {
            return Err(PortError::Closed);
        }
        read(&self.0.stream, buffer)
    }

    /// Discards unread bytes, unless a program has the port open.
    ///
    /// # Errors
    /// [`PortError::Failed`] when the machine ended.
    pub fn discard_if_closed(&self) -> Result<(), PortError> {
        let state = self.0.state.lock();
        let mut buffer = [0; 4096];
        while !state.open && read(&self.0.stream, &mut buffer)? > 0 {}
        Ok(())
    }

    /// Writes bytes to the opening `open_id` without blocking. Returns the number of bytes written, 0 if the
    /// stream is full.
    ///
    /// # Errors
    /// [`PortError::Closed`] when that program closed the port, [`PortError::Failed`] when the machine ended.
    pub fn write(&self, open_id: OpenId, bytes: &[u8]) -> Result<usize, PortError> {
        let state = self.0.state.lock();
        if !state.open || state.opens != open_id.0 {
            return Err(PortError::Closed);
        }
        (&self.0.stream).write(bytes).or_else(zero_if_would_block)
    }

    /// Waits until bytes can be read, or with `write` also written, until the port is opened or closed, until
    /// a [`Waker`] is used, or until `deadline`. May return early.
    ///
    /// # Errors
    /// The errors of poll(2).
    pub fn wait(&self, write: bool, deadline: Option<Instant>) -> io::Result<()> {
        self.wait_for(true, write, deadline)
    }

    /// Waits as [`Self::wait`] does, but readable bytes end the wait only with `read`.
    ///
    /// # Errors
    /// The errors of poll(2).
    pub fn wait_for(&self, read: bool, write: bool, deadline: Option<Instant>) -> io::Result<()> {
        let stream = Watched { fd: self.0.stream.as_raw_fd(), read, write };
        let wake_event = Watched { fd: self.0.wake_event.as_raw_fd(), read: true, write: false };
        poll::wait([stream, wake_event], deadline)?;
        let _ = self.0.wake_event.read();
        Ok(())
    }

    /// Reads bytes of the opening `open_id`, and waits until `deadline` for the first byte.
    ///
    /// # Errors
    /// [`PortError::TimedOut`] at the deadline, [`PortError::Closed`] when the port was closed,
    /// [`PortError::Failed`] when the machine ended.
    pub fn read_until(
        &self,
        open_id: OpenId,
        deadline: Instant,
        buffer: &mut [u8],
    ) -> Result<usize, PortError> {
        loop {
            match self.read(buffer)? {
                0 => self.wait_while_open(open_id, false, deadline)?,
                read => return Ok(read),
            }
        }
    }

    /// Writes all of `bytes` to the opening `open_id`, and waits until `deadline` for room in the stream.
    ///
    /// # Errors
    /// [`PortError::TimedOut`] at the deadline, [`PortError::Closed`] when the port was closed,
    /// [`PortError::Failed`] when the machine ended.
    pub fn write_all_until(&self, open_id: OpenId, deadline: Instant, bytes: &[u8]) -> Result<(), PortError> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.write(open_id, left)? {
                0 => self.wait_while_open(open_id, true, deadline)?,
                written => left = left.get(written..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Waits once for bytes or room, while the port has the opening `open_id` and the deadline has not
    /// passed.
    fn wait_while_open(&self, open_id: OpenId, write: bool, deadline: Instant) -> Result<(), PortError> {
        if self.open_id() != Some(open_id) {
            return Err(PortError::Closed);
        }
        if Instant::now() >= deadline {
            return Err(PortError::TimedOut);
        }
        Ok(self.wait(write, Some(deadline))?)
    }
}

/// Reads from a non-blocking stream; 0 if no bytes are available, an error at the end of the stream.
fn read(mut stream: &UnixStream, buffer: &mut [u8]) -> Result<usize, PortError> {
    match stream.read(buffer) {
        Ok(0) => Err(PortError::Failed(io::ErrorKind::UnexpectedEof.into())),
        Ok(read) => Ok(read),
        Err(error) => zero_if_would_block(error),
    }
}

/// Converts errors of a non-blocking call that are no failure to 0 bytes.
fn zero_if_would_block(error: io::Error) -> Result<usize, PortError> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn nothing_reaches_another_program_than_the_intended_one() {
        let (end, mut machine, open_state) = pair().unwrap();
        assert_eq!(end.open_id(), None);
        open_state.set_open(true);
        let first = end.open_id().unwrap();
        assert_eq!(end.write(first, b"one").unwrap(), 3);
        open_state.set_open(false);
        assert!(matches!(end.write(first, b"late"), Err(PortError::Closed)));
        open_state.set_open(true);
        assert!(matches!(end.write(first, b"late"), Err(PortError::Closed)));
        let second = end.open_id().unwrap();
        end.write(second, b"two").unwrap();
        let mut got = [0; 16];
        assert_eq!(machine.read(&mut got).unwrap(), 6);
        assert_eq!(&got[..6], b"onetwo");
    }

    #[test]
    fn a_full_port_blocks_its_writer_and_loses_nothing() {
        let (end, machine, open_state) = pair().unwrap();
        open_state.set_open(true);
        let open_id = end.open_id().unwrap();
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(end.write_all_until(open_id, soon, &bytes), Err(PortError::TimedOut)));
        drain(&machine);
        let reader = std::thread::spawn(move || {
            machine.set_nonblocking(false).unwrap();
            let mut got = vec![0; 3_000_000];
            (&machine).read_exact(&mut got).unwrap();
            got
        });
        end.write_all_until(open_id, Instant::now() + Duration::from_secs(60), &bytes).unwrap();
        assert!(reader.join().unwrap() == bytes);
    }

    #[test]
    fn unread_bytes_of_an_earlier_program_are_discarded_where_the_machine_can_tell() {
        let (end, mut machine, open_state) = pair().unwrap();
        open_state.set_open(true);
        machine.write_all(b"half a mess").unwrap();
        open_state.set_open(false);
        open_state.discard_unread();
        open_state.set_open(true);
        machine.write_all(b"new").unwrap();
        let mut got = [0; 16];
        assert_eq!(end.read(&mut got).unwrap(), 3);
        drop(machine);
        assert!(matches!(end.read(&mut got), Err(PortError::Failed(_))));
    }
}
