//! One port of a guest, as the host holds it: a stream of bytes, and whether a program in the guest
//! has the port open.
//!
//! The bytes travel over a socket pair, whose kernel buffers are the bounds in both directions: a
//! slow host makes the guest wait, and a slow guest the host.

use crate::lock;
use crate::poll::{self, Watched};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Why nothing was read or written.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// No program in the guest has the port open, or another than before.
    #[error("nobody in the guest has the port open")]
    Closed,
    /// The time is over.
    #[error("the time is over")]
    TimedOut,
    /// The machine is gone, or the host failed.
    #[error("the port failed: {0}")]
    Failed(#[from] io::Error),
}

/// Counts the programs that opened a port, so that what was meant for one is not given to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenId(u64);

#[derive(Debug, Default)]
struct State {
    open: bool,
    opens: u64,
}

#[derive(Debug)]
struct Shared {
    stream: UnixStream,
    state: Mutex<State>,
    wake_event: EventFd,
}

/// Makes a port: its end for an agent's protocol, and for the machine the other end of the stream
/// (which never blocks) and the open_state by which it tells what the guest does.
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

/// Where the machine tells what the guest does with a port.
#[derive(Debug, Clone)]
pub struct PortOpenState(Arc<Shared>);

impl PortOpenState {
    /// A program in the guest opened the port, or closed it. Once this has returned for a closing,
    /// nothing more is written for that program, and what lies in the stream may be thrown away.
    pub fn set_open(&self, open: bool) {
        let mut state = lock(&self.0.state);
        if state.open != open {
            state.open = open;
            state.opens = state.opens.saturating_add(u64::from(open));
            drop(state);
            self.0.wake();
        }
    }

    /// Throws away what an earlier program wrote and nobody has read. To be called before
    /// [`Self::set_open`], by machines that see the opening before the first byte.
    pub fn discard_unread(&self) {
        let _reading = lock(&self.0.state);
        drain(&self.0.stream);
    }
}

/// Throws away what there is to read.
pub fn drain(mut stream: &UnixStream) {
    let mut piece = [0; 4096];
    while matches!(stream.read(&mut piece), Ok(read) if read > 0) {}
}

impl Shared {
    fn wake(&self) {
        // Fails only if the count overflows, and then it is readable anyway.
        let _ = self.wake_event.write(1);
    }
}

/// The host's end of a port.
#[derive(Debug)]
pub struct HostPort(Arc<Shared>);

/// Wakes whoever waits at a [`HostPort`].
#[derive(Debug, Clone)]
pub struct Waker(Arc<Shared>);

impl Waker {
    /// Makes [`HostPort::wait`] return.
    pub fn wake(&self) {
        self.0.wake();
    }
}

impl HostPort {
    /// The program that has the port open.
    pub fn open_id(&self) -> Option<OpenId> {
        let state = lock(&self.0.state);
        state.open.then_some(OpenId(state.opens))
    }

    /// For waking whoever waits here.
    pub fn waker(&self) -> Waker {
        Waker(self.0.clone())
    }

    /// Reads what there is; 0 for nothing now.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, PortError> {
        let _state = lock(&self.0.state);
        read(&self.0.stream, buffer)
    }

    /// As [`Self::read`], but only what the program that is `open_id` wrote, on machines that see an
    /// opening before the first byte.
    ///
    /// # Errors
    /// When that program has closed the port or the machine is gone.
    pub fn read_from(&self, open_id: OpenId, buffer: &mut [u8]) -> Result<usize, PortError> {
        let state = lock(&self.0.state);
        if !state.open || state.opens != open_id.0 {
            return Err(PortError::Closed);
        }
        read(&self.0.stream, buffer)
    }

    /// Throws away what a program wrote that has closed the port, if no other has it open already.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn discard_if_closed(&self) -> Result<(), PortError> {
        let state = lock(&self.0.state);
        let mut piece = [0; 4096];
        while !state.open && read(&self.0.stream, &mut piece)? > 0 {}
        Ok(())
    }

    /// Writes what fits for the program that is `open_id`; 0 for nothing now.
    ///
    /// # Errors
    /// When that program has closed the port or the machine is gone.
    pub fn write(&self, open_id: OpenId, bytes: &[u8]) -> Result<usize, PortError> {
        let state = lock(&self.0.state);
        if !state.open || state.opens != open_id.0 {
            return Err(PortError::Closed);
        }
        (&self.0.stream).write(bytes).or_else(zero_if_would_block)
    }

    /// Waits until there is something to read (or room to write, if asked for), the port is opened
    /// or closed, a [`Waker`] was used, or `deadline` has come. May return early.
    ///
    /// # Errors
    /// When the host failed.
    pub fn wait(&self, write: bool, deadline: Option<Instant>) -> io::Result<()> {
        self.wait_for(true, write, deadline)
    }

    /// As [`Self::wait`], for something to read only if asked for.
    ///
    /// # Errors
    /// When the host failed.
    pub fn wait_for(&self, read: bool, write: bool, deadline: Option<Instant>) -> io::Result<()> {
        let stream = Watched { fd: self.0.stream.as_raw_fd(), read, write };
        let wake_event = Watched { fd: self.0.wake_event.as_raw_fd(), read: true, write: false };
        poll::wait([stream, wake_event], deadline)?;
        let _ = self.0.wake_event.read();
        Ok(())
    }

    /// As [`Self::read`], waiting for something to come from the program that is `open_id`.
    ///
    /// # Errors
    /// When nothing came before `deadline`, the port was closed, or the machine is gone.
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

    /// Writes all of `bytes` for the program that is `open_id`.
    ///
    /// # Errors
    /// When that took longer than `deadline`, the port was closed, or the machine is gone.
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

fn read(mut stream: &UnixStream, buffer: &mut [u8]) -> Result<usize, PortError> {
    match stream.read(buffer) {
        Ok(0) => Err(PortError::Failed(io::ErrorKind::UnexpectedEof.into())),
        Ok(read) => Ok(read),
        Err(error) => zero_if_would_block(error),
    }
}

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
    fn nothing_reaches_a_program_that_it_was_not_meant_for() {
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
    fn a_full_port_makes_its_writer_wait_and_loses_nothing() {
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
    fn what_a_past_program_wrote_is_forgotten_where_the_machine_can_tell() {
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
