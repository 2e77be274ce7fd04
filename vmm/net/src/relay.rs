//! Frames between a QEMU and a [`Backend`], for what QEMU cannot do itself: keep an interface while
//! its far end is replaced, and hold it to a rate.

use crate::poll::Poll;
use crate::stream::{FrameStream, Lost};
use oriel_virtio::RateLimiter;
use oriel_virtio::net::{Backend, Header};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

const NEAR: u64 = 0;
const FAR: u64 = 1;
const STOP: u64 = 2;

/// Frames in one direction before the other has its turn.
const PORTION: usize = 64;

/// A relay at work. It ends with the near end, or when it is dropped.
pub struct Relay {
    stop: EventFd,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts one between `backend` and the socket that is returned, which speaks as QEMU's
    /// `-netdev stream`. `on_link` hears when the backend's link goes down or comes up.
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
        let near = FrameStream::new(ours.into())?;
        poll.add(near.as_raw_fd(), EventSet::IN, NEAR)?;
        poll.add(backend.fd(), EventSet::IN, FAR)?;
        poll.add(stop.as_raw_fd(), EventSet::IN, STOP)?;
        let link_up = backend.link_up();
        let mut work = Work { near, watched: EventSet::IN, backend, limiter, poll, link_up, turn: false };
        let run = move || {
            let ended = work.run(on_link);
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

struct Work {
    near: FrameStream,
    /// What the poll watches it for.
    watched: EventSet,
    backend: Box<dyn Backend>,
    limiter: RateLimiter,
    poll: Poll,
    link_up: bool,
    /// Whose turn it is to be first, where both wait for the limit.
    turn: bool,
}

/// Why a direction stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Waiting,
    Again,
    Until(Instant),
}

impl Work {
    fn run(&mut self, mut on_link: impl FnMut(bool)) -> Result<(), Lost> {
        self.backend.want_frames(true);
        let mut limited = None;
        let mut again = false;
        loop {
            let timeout = if again { 0 } else { limited.map_or(-1, milliseconds_to) };
            for (token, events) in self.poll.ready(timeout) {
                match token {
                    STOP => return Ok(()),
                    FAR => self.backend.ready(),
                    _ if events.intersects(EventSet::HANG_UP | EventSet::ERROR) => return Err(Lost::Closed),
                    _ => self.near.flush()?,
                }
            }
            again = false;
            if limited.is_none_or(|until| until <= Instant::now()) {
                limited = None;
                self.turn = !self.turn;
                for outward in [self.turn, !self.turn] {
                    match if outward { self.outward()? } else { self.inward()? } {
                        Pause::Waiting => {}
                        Pause::Again => again = true,
                        Pause::Until(when) => {
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
            self.watch(limited.is_some())?;
        }
    }

    /// From QEMU.
    fn outward(&mut self) -> Result<Pause, Lost> {
        for _ in 0..PORTION {
            if !self.backend.has_room() {
                return Ok(Pause::Waiting);
            }
            let Some(frame) = self.near.peek()? else { return Ok(Pause::Waiting) };
            if let Err(wait) = self.limiter.take(Instant::now(), frame.len() as u64) {
                return Ok(Pause::Until(Instant::now() + wait));
            }
            self.backend.send(&Header::default(), frame);
            self.near.consume();
        }
        Ok(Pause::Again)
    }

    /// To QEMU, which was given no offloads, so every frame is finished.
    fn inward(&mut self) -> Result<Pause, Lost> {
        for _ in 0..PORTION {
            if !self.near.has_room() {
                return Ok(Pause::Waiting);
            }
            let Some(frame) = self.backend.peek() else { return Ok(Pause::Waiting) };
            if let Err(wait) = self.limiter.take(Instant::now(), frame.bytes.len() as u64) {
                return Ok(Pause::Until(Instant::now() + wait));
            }
            self.near.send(frame.bytes)?;
            self.backend.consume();
        }
        Ok(Pause::Again)
    }

    /// Has the poll tell of what can be done something about.
    fn watch(&mut self, limited: bool) -> io::Result<()> {
        self.backend.want_frames(!limited && self.near.has_room());
        let mut events = EventSet::empty();
        events.set(EventSet::IN, !limited && self.backend.has_room());
        events.set(EventSet::OUT, !self.near.has_room());
        if events != self.watched {
            self.poll.change(self.near.as_raw_fd(), events, NEAR)?;
            self.watched = events;
        }
        Ok(())
    }
}

/// Rounded up, so that the time has come when the wait is over.
fn milliseconds_to(when: Instant) -> i32 {
    let left = when.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}
