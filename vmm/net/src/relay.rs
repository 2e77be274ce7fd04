//! Relay of frames between QEMU and a [`Backend`]. It adds what QEMU lacks: an interface that survives the
//! replacement of its backend, and a rate limit.

use crate::poll::Poll;
use crate::stream::{FrameStream, StreamError};
use oriel_virtio::RateLimiter;
use oriel_virtio::net::{Backend, Header};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

/// Event token of QEMU's socket.
const QEMU: u64 = 0;
/// Event token of the backend.
const BACKEND: u64 = 1;
/// Event token of the stop event.
const STOP: u64 = 2;

/// Maximum number of frames in one direction before the other direction is served.
const BATCH_FRAMES: usize = 64;

/// Relay between QEMU and a backend, on a thread of its own. Ends when QEMU closes its socket or the value is
/// dropped.
pub struct Relay {
    stop: EventFd,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay between `backend` and the returned socket, which is for QEMU's `-netdev stream`.
    /// `on_link` is called on the relay's thread when the backend's link goes down (false) or up (true).
    ///
    /// # Errors
    /// When the host is out of descriptors or threads.
    pub fn start(
        backend: Box<dyn Backend>,
        limiter: RateLimiter,
        on_link: impl FnMut(bool) + Send + 'static,
    ) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        let stop = EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC)?;
        let poll = Poll::new()?;
        let qemu = FrameStream::new(ours.into())?;
        poll.add(qemu.as_raw_fd(), EventSet::IN, QEMU)?;
        poll.add(backend.fd(), EventSet::IN, BACKEND)?;
        poll.add(stop.as_raw_fd(), EventSet::IN, STOP)?;
        let link_up = backend.link_up();
        let mut relay_loop = RelayLoop {
            qemu,
            interest: EventSet::IN,
            backend,
            limiter,
            poll,
            link_up,
            transmit_first: false,
        };
        let run = move || {
            let ended = relay_loop.run(on_link);
            tracing::debug!(reason = ended.as_ref().err().map(ToString::to_string), "a network relay ended");
        };
        let thread = Some(std::thread::Builder::new().name("net-relay".into()).spawn(run)?);
        Ok((Self { stop, thread }, theirs.into()))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// State of the relay's thread.
struct RelayLoop {
    qemu: FrameStream,
    /// Events for which the poll watches QEMU's socket.
    interest: EventSet,
    backend: Box<dyn Backend>,
    limiter: RateLimiter,
    poll: Poll,
    link_up: bool,
    /// Whether the direction to the backend is served first, where both wait for the limit.
    transmit_first: bool,
}

/// State of a direction after its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Blocked until a socket is ready.
    Blocked,
    /// More frames can pass at once.
    More,
    /// Time before which the rate limit allows no frame.
    Limited(Instant),
}

impl RelayLoop {
    /// Relays frames until QEMU closes its socket or the relay is stopped.
    fn run(&mut self, mut on_link: impl FnMut(bool)) -> Result<(), StreamError> {
        self.backend.want_frames(true);
        let mut limited = None;
        let mut more = false;
        loop {
            let timeout = if more { 0 } else { limited.map_or(-1, milliseconds_until) };
            for (token, events) in self.poll.ready(timeout) {
                match token {
                    STOP => return Ok(()),
                    BACKEND => self.backend.ready(),
                    _ if events.intersects(EventSet::HANG_UP | EventSet::ERROR) => {
                        return Err(StreamError::Closed);
                    }
                    _ => self.qemu.flush()?,
                }
            }
            more = false;
            if limited.is_none_or(|until| until <= Instant::now()) {
                limited = None;
                self.transmit_first = !self.transmit_first;
                for transmit in [self.transmit_first, !self.transmit_first] {
                    match if transmit { self.transmit()? } else { self.receive()? } {
                        Progress::Blocked => {}
                        Progress::More => more = true,
                        Progress::Limited(when) => {
                            limited = Some(when);
                            break;
                        }
                    }
                }
            }
            let up = self.backend.link_up();
            if up != self.link_up {
                self.link_up = up;
                on_link(up);
            }
            self.update_interest(limited.is_some())?;
        }
    }

    /// Relays frames from QEMU to the backend.
    fn transmit(&mut self) -> Result<Progress, StreamError> {
        for _ in 0..BATCH_FRAMES {
            if !self.backend.has_room() {
                return Ok(Progress::Blocked);
            }
            let Some(frame) = self.qemu.peek()? else { return Ok(Progress::Blocked) };
            if let Err(wait) = self.limiter.take(Instant::now(), frame.len() as u64) {
                return Ok(Progress::Limited(Instant::now() + wait));
            }
            self.backend.send(&Header::default(), frame);
            self.qemu.consume();
        }
        Ok(Progress::More)
    }

    /// Relays frames from the backend to QEMU. QEMU has no offloads here, so every frame is complete.
    fn receive(&mut self) -> Result<Progress, StreamError> {
        for _ in 0..BATCH_FRAMES {
            if !self.qemu.has_room() {
                return Ok(Progress::Blocked);
            }
            let Some(frame) = self.backend.peek() else { return Ok(Progress::Blocked) };
            if let Err(wait) = self.limiter.take(Instant::now(), frame.bytes.len() as u64) {
                return Ok(Progress::Limited(Instant::now() + wait));
            }
            self.qemu.send(frame.bytes)?;
            self.backend.consume();
        }
        Ok(Progress::More)
    }

    /// Watches only for events that allow progress.
    fn update_interest(&mut self, limited: bool) -> io::Result<()> {
        self.backend.want_frames(!limited && self.qemu.has_room());
        let mut events = EventSet::empty();
        events.set(EventSet::IN, !limited && self.backend.has_room());
        events.set(EventSet::OUT, !self.qemu.has_room());
        if events != self.interest {
            self.poll.change(self.qemu.as_raw_fd(), events, QEMU)?;
            self.interest = events;
        }
        Ok(())
    }
}

/// Returns the milliseconds until `when`, rounded up so that `when` has passed after the wait.
fn milliseconds_until(when: Instant) -> i32 {
    let left = when.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}
